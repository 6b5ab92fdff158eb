/** A setting in force, for the operator. */
export interface ShownSetting {
  readonly name: string
  /** Undefined if it is a secret or may contain one. */
  readonly value: string | undefined
  readonly isSet: boolean
  /** `environment`, `.env line 3`, `--port` or `default`. */
  readonly origin: string
  /** When a new value takes effect: at the next reload, or at the next start. */
  readonly changes: 'now' | 'restart'
}

/** All settings in force. */
export interface ShownConfiguration {
  readonly settings: readonly ShownSetting[]
  /** The whole path of the file that was read, if any. */
  readonly envFile: string | undefined
  readonly warnings: readonly string[]
}

/** What is wrong with a variable, and what is right. */
export interface ReloadProblem {
  readonly variable: string
  readonly problem: string
  readonly remedy: string
}

/** What a reload has done. If it has problems, nothing has changed. */
export interface Reload {
  /** Milliseconds since 1970. */
  readonly at: number
  /** The variables whose changes are in force. */
  readonly changed: readonly string[]
  /** The variables whose changes need a restart. */
  readonly atNextStart: readonly string[]
  readonly problems: readonly ReloadProblem[]
}

/** The configuration in force, which can be read again while requests run. */
export interface LiveConfiguration {
  /** Undefined before the first one. */
  readonly lastReload: Reload | undefined
  show(): ShownConfiguration
  /** Reads the configuration again, as SIGHUP does, in all processes of `WORKERS`. @returns what this process has done */
  reload(): Reload
}
