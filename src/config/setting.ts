/** Where variables come from, if not from the process's environment. */
export interface Origins {
  /** The variables in the file, each with its place: `.env line 3`. */
  readonly inFile: ReadonlyMap<string, string>
  /** The place of each variable that the environment does not set, or sets to the same value. */
  readonly of: ReadonlyMap<string, string>
  /** The variables that the state has, because the operator added them while the program ran. */
  readonly inState?: ReadonlySet<string>
}

/** The process's environment alone. */
export const environmentAlone: Origins = { inFile: new Map(), of: new Map() }

/** A variable that is set, and that the program reads. */
export interface Setting {
  readonly name: string
  /** Undefined if it is a secret or may contain one. */
  readonly value: string | undefined
  /** `environment`, `.env line 3` or `--port`, and the spelling that was used, if it is another one. */
  readonly origin: string
}
