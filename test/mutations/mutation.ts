/** A fault that is put into the source. */
export interface Fault {
  /** The fault in a few words. */
  readonly name: string
  /** The path of the file that gets it, from the root of the repository. */
  readonly file: string
  /** Text that occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
}

/** A fault that tests must notice. */
export interface Mutation extends Fault {
  /** The test files that must fail. */
  readonly tests: readonly [string, ...string[]]
}
