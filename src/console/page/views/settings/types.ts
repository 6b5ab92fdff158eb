/** What `POST /admin/reload` did. */
export interface ReloadResult {
  readonly changed: readonly string[]
  readonly at_next_start: readonly string[]
  readonly problems: readonly { readonly variable: string; readonly problem: string; readonly remedy: string }[]
}
