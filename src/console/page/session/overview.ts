import { signal } from '@preact/signals'
import { askJson } from './api.ts'
import { listen } from './live.ts'

/** Something that needs a person, as `GET /admin/overview` says. The words for it are in the dictionaries, by its kind. */
export interface Need {
  readonly id: string
  readonly kind: string
  readonly severity: 'urgent' | 'warning' | 'note'
  readonly since: string
  /** When it ends by itself. */
  readonly until: string | null
  readonly upstream: string | null
  readonly account: string | null
  readonly model: string | null
  readonly tool_server: string | null
  readonly key: string | null
  readonly variable: string | null
  /** The `x-request-id` of a request that shows it. */
  readonly request: string | null
  /** What the upstream, the system or the gateway said. Untrusted. */
  readonly why: string | null
  readonly facts: Readonly<Record<string, unknown>>
}

export interface LastHour {
  readonly requests: number
  readonly failed: number
  readonly client_left: number
  readonly first_event_ms: { readonly p50: number; readonly p95: number } | null
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cost_usd: number | null
  /** The oldest first. */
  readonly minutes: readonly { readonly at: string; readonly requests: number; readonly failed: number }[]
}

export interface Overview {
  readonly now: string
  readonly version: string
  readonly started_at: string
  /** The worst first. */
  readonly needs: readonly Need[]
  readonly last_hour: LastHour
  readonly calls: { readonly running: number; readonly permits: number; readonly waiting: number }
  readonly counts: {
    readonly upstreams: number
    readonly accounts: number
    readonly tool_servers: number
    readonly keys: number
  }
}

/** The newest overview that is known, for every view. */
export const overview = signal<Overview | undefined>(undefined)

/** Keeps `overview` true while the tab is shown. @returns a function that ends this */
export function followOverview(): () => void {
  return listen<Overview>('overview', takeOverview)
}

export async function loadOverview(signal?: AbortSignal): Promise<Overview> {
  const loaded = await askJson<Overview>('/admin/overview', { signal })
  takeOverview(loaded)
  return loaded
}

function takeOverview(newest: Overview): void {
  overview.value = newest
}
