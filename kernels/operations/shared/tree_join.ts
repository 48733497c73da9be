/**
 * Joining what the invocations of a GPU workgroup found, as a tree: always the same pairs, so always the same bits.
 *
 * @module
 */

/** How the invocations of a workgroup join. */
export interface TreeJoin {
  /** Invocations that join, a power of two: those of the workgroup, or each run of so many of them by itself. */
  readonly workers: number;
  /** Invocations of the workgroup; `workers` unless given. */
  readonly invocations?: number;
  /** WGSL of two values joined; their sum unless given. */
  readonly operation?: (a: string, b: string) => string;
  /** The workgroup array, of an element for each invocation, free again afterwards; `partials` unless given. */
  readonly memory?: string;
}

/**
 * WGSL that joins a variable of every invocation and gives those that join the result. Its barriers need uniform control flow.
 *
 * @param variable The variable's name, a `var`.
 * @param options Size of the workgroup, operation and memory.
 * @returns The statements' text.
 */
export function treeJoin(variable: string, options: TreeJoin): string {
  const { workers, invocations = workers, operation = (a, b) => `${a} + ${b}`, memory = "partials" } = options;
  const [place, first] = invocations === workers
    ? ["local", "0"]
    : [`local % ${workers}u`, `local - local % ${workers}u`];
  const steps = [`  ${memory}[local] = ${variable};\n`];
  for (let half = workers / 2; half >= 1; half /= 2) {
    steps.push(`  workgroupBarrier();
  if (${place} < ${half}u) { ${memory}[local] = ${operation(`${memory}[local]`, `${memory}[local + ${half}u]`)}; }
`);
  }
  return `${steps.join("")}  workgroupBarrier();\n  ${variable} = ${memory}[${first}];\n  workgroupBarrier();\n`;
}
