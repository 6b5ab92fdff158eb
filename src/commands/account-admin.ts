import type { Fields } from '../chat/message.ts'
import type { Config } from '../config/config.ts'
import type { Runtime } from '../flow/runtime.ts'
import { isMembers } from '../keys/named-key.ts'
import { urlOf } from './health.ts'
import { createAsk, refusal } from './running-server.ts'

/** An account of the running server. */
export interface ListedAccount {
  readonly upstream: string
  readonly label: string
  readonly state: string
  readonly until: string | undefined
  readonly why: string | undefined
  readonly source: string
  readonly variable: string | undefined
}

/** A variable that has credentials, and the upstream that it turns on or gives an account to. */
interface CredentialPlace {
  readonly variable: string
  readonly upstream: string | undefined
}

/** The accounts of the running server, and what can be added. */
export interface AccountList {
  readonly accounts: readonly ListedAccount[]
  readonly places: readonly CredentialPlace[]
}

/** Changes the accounts of the running server. Every function throws a ChatError if the server refuses. */
export interface AccountAdmin {
  list(): AccountList
  add(variable: string, value: string, options: { readonly isForced: boolean }): Promise<Fields>
  rest(account: ListedAccount, minutes: number): Promise<void>
  wake(account: ListedAccount): Promise<void>
  /** @returns the removed variables */
  remove(variable: string): Promise<readonly string[]>
}

const waitMs = 10_000
/** Milliseconds for the server to test a credential: more than its own limit. */
const testMs = 90_000

/** Returns the accounts of the running server; undefined if none answers at HOST and PORT. @throws ChatError if it refuses */
export async function accountsOfServer(config: Config, runtime: Runtime): Promise<AccountAdmin | undefined> {
  if (config.port === 0) return undefined
  const ask = createAsk(config, runtime)
  const first = await ask('GET', '/admin/upstreams', waitMs).catch(() => undefined)
  if (!first) return undefined
  const read = ({ status, body }: { readonly status: number; readonly body: unknown }): Fields => {
    if (status < 300 && isMembers(body)) return body
    throw refusal({ status, body }, urlOf(config))
  }
  const listed = readList(read(first))
  const pathOf = ({ upstream, label }: ListedAccount, action: string) =>
    `/admin/upstreams/${upstream}/accounts/${encodeURIComponent(label)}/${action}`
  return {
    list: () => listed,
    async add(variable, value, { isForced: force }) {
      return read(await ask('POST', '/admin/accounts', testMs, { variables: { [variable]: value }, force }))
    },
    async rest(account, minutes) {
      read(await ask('POST', pathOf(account, 'rest'), waitMs, { minutes }))
    },
    async wake(account) {
      read(await ask('POST', pathOf(account, 'wake'), waitMs))
    },
    async remove(variable) {
      const { removed } = read(await ask('DELETE', `/admin/accounts/${encodeURIComponent(variable)}`, waitMs))
      return Array.isArray(removed) ? removed.map(String) : []
    },
  }
}

function readList({ data, available }: Fields): AccountList {
  const upstreams = membersOf(data)
  const accounts = upstreams.flatMap(({ name, accounts: listed }) =>
    membersOf(listed).map((account) => ({
      upstream: String(name),
      label: String(account.label),
      state: String(account.state),
      until: textOf(account.until),
      why: textOf(account.why),
      source: String(account.source),
      variable: textOf(account.variable),
    })),
  )
  const own = upstreams.flatMap(({ name, credential }) =>
    isMembers(credential) ? [{ variable: String(credential.variable), upstream: String(name) }] : [],
  )
  const off = membersOf(available).flatMap(({ variable, upstream }) => ({
    variable: String(variable),
    upstream: textOf(upstream),
  }))
  return { accounts, places: [...own, ...off] }
}

function membersOf(list: unknown): readonly Fields[] {
  return Array.isArray(list) ? list.filter(isMembers) : []
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
