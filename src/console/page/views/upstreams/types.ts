export interface QuotaWindow {
  readonly unit: 'requests' | 'tokens'
  readonly scope: string
  readonly limit: number | null
  readonly remaining: number | null
  readonly window_ms: number | null
  readonly reset_at: string | null
}

export interface Account {
  readonly label: string
  /** `ok`, `refreshing`, `cooling`, `exhausted`, `challenged`, `refused`, `needs-login` or `banned`. */
  readonly state: string
  readonly until: string | null
  readonly why: string | null
  /** The only models with which it rests. */
  readonly models: readonly string[] | null
  readonly expires_at: string | null
  readonly renewed_at: string | null
  readonly quota: readonly (QuotaWindow & { readonly model: string })[]
  /** `state`: it was added here; `made`: the gateway made it itself. */
  readonly source: 'environment' | 'state' | 'made'
  readonly variable: string | null
  readonly stats?: { readonly requests: number; readonly failed: number; readonly last_success_at: string | null }
}

export interface Breaker {
  readonly state: 'good' | 'mistrusted' | 'ejected'
  readonly ejected_ms: number
}

export interface Drift {
  readonly id: string
  readonly kind: string
  readonly where: string
  readonly shape: string
  readonly count: number
  readonly first_at: string
  readonly last_at: string
  readonly request: string | null
}

/** What the terms say of one way to use a service. */
export interface Clause {
  readonly stand: 'allowed' | 'forbidden' | 'limited' | 'unknown'
  readonly source: string | null
  readonly note: string | null
}

export interface Terms {
  readonly read_on: string
  readonly automation: Clause
  readonly sharing: Clause
  readonly several_accounts: Clause
  readonly training: Clause
}

/** An upstream, as `GET /admin/upstreams` says. */
export interface Upstream {
  readonly name: string
  readonly provider: string | null
  readonly address: string | null
  readonly running_calls: number
  readonly models: { readonly count: number; readonly known: boolean }
  readonly used_up: { readonly until: string; readonly models: readonly string[] | null } | null
  readonly accounts: readonly Account[]
  readonly breaker: Breaker & { readonly models: readonly (Breaker & { readonly model: string })[] }
  readonly terms?: Terms | null
  readonly is_web_product?: boolean
  readonly stats?: {
    readonly requests: number
    readonly failed: number
    readonly first_event_ms: { readonly p50: number; readonly p95: number } | null
    readonly last_success_at: string | null
    readonly minutes: readonly {
      readonly at: string
      readonly requests: number
      readonly failed: number
      readonly first_event_ms: number | null
    }[]
  }
  readonly drift?: readonly Drift[]
  readonly credential?: { readonly variable: string; readonly kind: 'key' | 'session' | 'none' } | null
}

/** A credential that can be added, for an upstream that is off. */
export interface Available {
  readonly variable: string
  /** Null for any OpenAI-compatible server. */
  readonly upstream: string | null
  readonly provider: string
  readonly kind: 'key' | 'session' | 'url'
}

export interface UpstreamList {
  readonly data: readonly Upstream[]
  readonly available?: readonly Available[]
}

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

/** What `POST /admin/accounts` and `PUT /admin/accounts/{variable}` answer. */
export interface AddedAccounts {
  readonly upstream: string
  readonly accounts: readonly string[]
  readonly test: TestedAccount | null
}
