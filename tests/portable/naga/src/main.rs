//! What wgpu does with a compute shader on Metal and on DirectX 12: naga reads and validates it, and writes the Metal
//! Shading Language and HLSL, with the bounds checks that wgpu-hal 29 asks for (`metal/device.rs`, `dx12/device.rs`).
//!
//!     translate IN [OUT]
//!
//! Translates each file of the folder IN, and says of each that cannot be translated, in a line with tabs between, its
//! name, the language and why. With OUT the texts are written there, as NAME.metal and NAME.hlsl.

use naga::back::{hlsl, msl};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding, ShaderStage, StorageAccess, TypeInner};
use std::path::{Path, PathBuf};
use std::{env, fs};

const ENTRY_POINT: &str = "main";

fn main() {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (input, output) = (arguments.first().expect("a folder of WGSL"), arguments.get(1));
    let mut paths: Vec<PathBuf> = fs::read_dir(input)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        for (language, result) in translate(&text) {
            match result {
                Ok(translation) => {
                    if let Some(folder) = output {
                        fs::write(Path::new(folder).join(format!("{name}.{language}")), translation).unwrap();
                    }
                }
                Err(message) => println!("{name}\t{language}\t{}", message.replace(['\t', '\n'], " ")),
            }
        }
    }
}

/// The translations of a text, or why there is none.
fn translate(text: &str) -> Vec<(&'static str, Result<String, String>)> {
    let module = match naga::front::wgsl::parse_str(text) {
        Ok(module) => module,
        Err(error) => return vec![("wgsl", Err(error.emit_to_string(text)))],
    };
    let capabilities = Capabilities::SHADER_FLOAT16
        | Capabilities::SUBGROUP
        | Capabilities::SUBGROUP_BARRIER
        | Capabilities::STORAGE_TEXTURE_16BIT_NORM_FORMATS;
    let info = match Validator::new(ValidationFlags::all(), capabilities).validate(&module) {
        Ok(info) => info,
        Err(error) => return vec![("wgsl", Err(error.emit_to_string(text)))],
    };
    vec![("metal", to_metal(&module, &info)), ("hlsl", to_hlsl(&module, &info))]
}

fn bindings(module: &Module) -> impl Iterator<Item = (ResourceBinding, &naga::GlobalVariable)> {
    module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| Some((variable.binding?, variable)))
}

fn to_metal(module: &Module, info: &ModuleInfo) -> Result<String, String> {
    let (mut buffers, mut textures) = (0, 0);
    let mut resources = msl::BindingMap::default();
    for (binding, variable) in bindings(module) {
        let mut target = msl::BindTarget::default();
        if let TypeInner::Image { .. } = module.types[variable.ty].inner {
            target.texture = Some(textures);
            textures += 1;
        } else {
            target.buffer = Some(buffers);
            buffers += 1;
            target.mutable = matches!(variable.space,
                AddressSpace::Storage { access } if access.contains(StorageAccess::STORE));
        }
        resources.insert(binding, target);
    }
    let checked = BoundsCheckPolicy::Restrict;
    let options = msl::Options {
        lang_version: (2, 4),
        per_entry_point_map: msl::EntryPointResourceMap::from([(
            ENTRY_POINT.to_string(),
            msl::EntryPointResources {
                resources,
                immediates_buffer: None,
                sizes_buffer: Some(buffers),
            },
        )]),
        fake_missing_bindings: false,
        bounds_check_policies: BoundsCheckPolicies {
            index: checked,
            buffer: checked,
            image_load: checked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        zero_initialize_workgroup_memory: true,
        force_loop_bounding: true,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_string())),
        ..Default::default()
    };
    let (text, translation) =
        msl::write_string(module, info, &options, &pipeline).map_err(|error| format!("{error:?}"))?;
    // An entry point's own error, such as a binding without a place.
    for name in translation.entry_point_names {
        name.map_err(|error| format!("{error:?}"))?;
    }
    Ok(text)
}

fn to_hlsl(module: &Module, info: &ModuleInfo) -> Result<String, String> {
    let binding_map = bindings(module)
        .map(|(binding, _)| {
            let target = hlsl::BindTarget {
                register: binding.binding,
                restrict_indexing: true,
                ..Default::default()
            };
            (binding, target)
        })
        .collect();
    let needs_float16 = module.types.iter().any(|(_, one)| match one.inner {
        TypeInner::Scalar(scalar) | TypeInner::Vector { scalar, .. } => scalar == naga::Scalar::F16,
        _ => false,
    });
    let options = hlsl::Options {
        // wgpu has no shader-f16 below 6.2.
        shader_model: if needs_float16 {
            hlsl::ShaderModel::V6_2
        } else {
            hlsl::ShaderModel::V6_0
        },
        binding_map,
        fake_missing_bindings: false,
        // Where `num_workgroups` stands.
        special_constants_binding: Some(hlsl::BindTarget {
            space: 1,
            ..Default::default()
        }),
        zero_initialize_workgroup_memory: true,
        restrict_indexing: true,
        force_loop_bounding: true,
        ..Default::default()
    };
    let mut text = String::new();
    let pipeline = hlsl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, ENTRY_POINT.to_string())),
    };
    hlsl::Writer::new(&mut text, &options, &pipeline)
        .write(module, info, None)
        .map_err(|error| format!("{error:?}"))
        .and_then(|reflection| {
            reflection
                .entry_point_names
                .into_iter()
                .try_for_each(|name| name.map(|_| ()).map_err(|error| format!("{error:?}")))
        })?;
    Ok(text)
}
