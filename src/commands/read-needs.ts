/** What a running server needs somebody for, as `GET /admin/overview` says it. */
export interface ServerNeed {
  readonly id: string
  readonly kind: string
  readonly severity: string
  readonly since: string
  readonly upstream: string | null
  readonly account: string | null
  readonly why: string | null
}

/** Reads the needs of an overview. @returns none if the server is of another version, and has no such list */
export function readNeeds(body: unknown): readonly ServerNeed[] {
  const list = membersOf(body).needs
  return Array.isArray(list) ? list.map(readNeed) : []
}

function readNeed(value: unknown): ServerNeed {
  const need = membersOf(value)
  const text = (name: string) => textOf(need[name])
  return {
    ...{ id: text('id') ?? '', kind: text('kind') ?? '', severity: text('severity') ?? '', since: text('since') ?? '' },
    ...{ upstream: text('upstream'), account: text('account'), why: text('why') },
  }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
