/**
 * The adapters of this machine, as Vulkan's loader lists them. WebGPU gives one of them and does not tell of the others.
 *
 * @module
 */

/** An adapter. */
export interface VulkanAdapter {
  /** PCI numbers, which variables choose by: `10de:20b5`. */
  readonly id: string;
  /** The name that its driver gives. */
  readonly name: string;
  /** The version of its driver, as the driver packs it into a number. */
  readonly driver: number;
}

/** `VkStructureType`: a `VkInstanceCreateInfo` with nothing in it is this number and zeros. */
const INSTANCE_CREATE_INFO = 1;
const INSTANCE_CREATE_INFO_BYTES = 64;

/** `VkPhysicalDeviceProperties`: four numbers and a kind of 32 bits, then the name, then what is not read here. */
const PROPERTIES_BYTES = 824;
const NAME = 20;
const NAME_BYTES = 256;

/** Adapters that are listed at most: more than a machine has. */
const MOST_ADAPTERS = 64;

/**
 * Lists adapters in the loader's order, which the variables that choose among them change.
 *
 * @returns The adapters; undefined where there is no Vulkan, as on Windows and macOS, or it cannot be started.
 */
export function listVulkanAdapters(): VulkanAdapter[] | undefined {
  const library = openVulkan();
  if (!library) return undefined;
  const { vkCreateInstance, vkDestroyInstance, vkEnumeratePhysicalDevices, vkGetPhysicalDeviceProperties } =
    library.symbols;
  const information = new Uint32Array(INSTANCE_CREATE_INFO_BYTES / 4);
  information[0] = INSTANCE_CREATE_INFO;
  const result = new BigUint64Array(1);
  if (vkCreateInstance(information, null, result) !== 0) return undefined;
  const instance = Deno.UnsafePointer.create(result[0]);
  const count = Uint32Array.of(MOST_ADAPTERS);
  const devices = new BigUint64Array(MOST_ADAPTERS);
  const listed = vkEnumeratePhysicalDevices(instance, count, devices) === 0;
  const adapters = Array.from(devices.subarray(0, listed ? count[0] : 0), (device) => {
    const properties = new Uint32Array(PROPERTIES_BYTES / 4);
    vkGetPhysicalDeviceProperties(Deno.UnsafePointer.create(device), properties);
    const name = new Uint8Array(properties.buffer, NAME, NAME_BYTES);
    const [, driver, vendor, product] = properties;
    return {
      id: `${vendor.toString(16)}:${product.toString(16)}`,
      name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
      driver,
    };
  });
  vkDestroyInstance(instance, null);
  return adapters;
}

function openVulkan() {
  try {
    return Deno.dlopen("libvulkan.so.1", {
      vkCreateInstance: { parameters: ["buffer", "pointer", "buffer"], result: "i32" },
      vkDestroyInstance: { parameters: ["pointer", "pointer"], result: "void" },
      vkEnumeratePhysicalDevices: { parameters: ["pointer", "buffer", "buffer"], result: "i32" },
      vkGetPhysicalDeviceProperties: { parameters: ["pointer", "buffer"], result: "void" },
    });
  } catch {
    return undefined;
  }
}
