/** What one account of a test gave. */
export interface TestedAccount {
  readonly account: string
  readonly works: boolean
  readonly model: string | null
  readonly took_ms: number
  readonly error: { readonly reason: string; readonly code: string; readonly message: string } | null
}

export interface UpstreamTest {
  readonly upstream: string
  readonly accounts: readonly TestedAccount[]
}
