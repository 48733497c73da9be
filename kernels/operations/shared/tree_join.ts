/**
 * Joining what the invocations of a GPU workgroup found, as a tree: always the same pairs, so always the same bits.
 *
 * @module
 */

/** How a workgroup joins. */
export interface TreeJoin {
  /** Invocations of the workgroup, a power of two. */
  readonly workers: number;
  /** WGSL of two values joined; their sum unless given. */
  readonly operation?: (a: string, b: string) => string;
  /** The workgroup array, of `workers` elements, free again afterwards; `partials` unless given. */
  readonly memory?: string;
}

/**
 * WGSL that joins a variable of every invocation and gives all of them the result. Its barriers need uniform control flow.
 *
 * @param variable The variable's name, a `var`.
 * @param options Size of the workgroup, operation and memory.
 * @returns The statements' text.
 */
export function treeJoin(variable: string, options: TreeJoin): string {
  const { workers, operation = (a, b) => `${a} + ${b}`, memory = "partials" } = options;
  const steps = [`  ${memory}[local] = ${variable};\n`];
  for (let half = workers / 2; half >= 1; half /= 2) {
    steps.push(`  workgroupBarrier();
  if (local < ${half}u) { ${memory}[local] = ${operation(`${memory}[local]`, `${memory}[local + ${half}u]`)}; }
`);
  }
  return `${steps.join("")}  workgroupBarrier();\n  ${variable} = ${memory}[0];\n  workgroupBarrier();\n`;
}
