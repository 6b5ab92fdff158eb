/** A fault that is put into the source to check that tests notice it. */
export interface Mutation {
  /** The fault in a few words. */
  readonly name: string
  /** The path of the file that gets it, from the root of the repository. */
  readonly file: string
  /** Text that occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The test files that must fail. */
  readonly tests: readonly [string, ...string[]]
}
