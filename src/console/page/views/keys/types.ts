/** A client key with a name, as `GET /admin/keys` lists it. Its text is not in it. */
export interface ClientKey {
  readonly name: string
  readonly role: 'user' | 'admin'
  readonly source: 'file' | 'state'
  readonly created: string | null
  readonly models?: readonly string[]
  readonly rpm?: number
  readonly tpm?: number
  readonly concurrent?: number
  /** `5 USD/month`, `1000000 tokens/day`, `20 USD`. */
  readonly budget?: string
  /** A date, whose end by UTC is meant, or a time. */
  readonly expires?: string
  readonly owner?: string
}

/** What `POST /admin/keys` answers: the only time that the key itself is told. */
export interface MadeKey extends ClientKey {
  readonly key: string
}
