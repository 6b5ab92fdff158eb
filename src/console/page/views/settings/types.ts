/** A setting, as `GET /admin/settings` says. */
export interface Setting {
  readonly name: string
  /** Null for a secret, and where nothing is set. */
  readonly value: string | null
  readonly is_secret: boolean
  readonly is_set: boolean
  /** `default`, `environment`, `the state`, or the line of the file or the option that it came from. */
  readonly origin: string
  readonly changes: 'now' | 'restart'
}

export interface SettingList {
  readonly data: readonly Setting[]
  readonly env_file: string | null
  readonly warnings: readonly string[]
}

/** What `POST /admin/reload` did. */
export interface ReloadResult {
  readonly changed: readonly string[]
  readonly at_next_start: readonly string[]
  readonly problems: readonly { readonly variable: string; readonly problem: string; readonly remedy: string }[]
}
