import { Pool } from '../accounts/pool.ts'
import type { Logger } from '../chat/call.ts'
import type { Chat } from '../chat/chat.ts'
import { defer } from '../chat/defer.ts'
import { ChatError } from '../chat/error.ts'
import { excerpt } from '../chat/secret.ts'
import type { Upstream } from '../providers/provider.ts'
import { type Candidate, Catalog, type Member } from './catalog.ts'
import { balance } from './combine/balance.ts'
import { account } from './layers/account.ts'
import { choices } from './layers/choices.ts'
import { type Deadlines, deadline } from './layers/deadline.ts'
import { limit } from './layers/limit.ts'
import { observe } from './layers/observe.ts'
import { RetryBudget, retry } from './layers/retry.ts'
import { support } from './layers/support.ts'

export interface GatewayOptions {
  readonly upstreams: readonly Upstream[]
  readonly deadlines: Deadlines
  /** Calls that may run at once. */
  readonly maxCalls: number
  readonly log: Logger
}

/** Everything between a decoded request and the upstreams. */
export interface Gateway {
  readonly chat: Chat
  readonly catalog: Catalog
  close(): void
}

/** Puts the layers together: `observe → limit → deadline → route → support → choices → retry → account → upstream`. */
export function openGateway({ upstreams, deadlines, maxCalls, log }: GatewayOptions): Gateway {
  const members = upstreams.map((upstream) => ({ upstream, pool: new Pool(upstream.accounts) }))
  const catalog = new Catalog(members, log)
  const chains = new Map(members.map((member) => [member, chainTo(member)]))
  const routed = route(catalog, (member) => chains.get(member) ?? chainTo(member))
  const chat = observe()(limit(maxCalls)(deadline(deadlines)(routed)))
  return { chat, catalog, close: () => catalog.close() }
}

/** From a request for this upstream to its answer. */
function chainTo({ upstream, pool }: Member): Chat {
  const asked: Chat<{ account: Upstream['accounts'][number] }> = (request, call) => upstream.chat(request, call)
  const tried = retry(new RetryBudget())(account(pool, upstream.name)(asked))
  return support(upstream.name, upstream.support)(choices(upstream.support)(tried))
}

/** Finds who serves the model, and asks them under their own name of it. */
function route(catalog: Catalog, chain: (member: Member) => Chat): Chat {
  const pools = new Map<string, Chat>()
  const poolOf = (candidates: readonly Candidate[]): Chat => {
    const key = candidates.map(({ member }) => member.upstream.name).join(' ')
    const known = pools.get(key)
    if (known) return known
    const pool = balance(candidates.map(({ member }) => chain(member)))
    pools.set(key, pool)
    return pool
  }
  return (request, call) =>
    defer(async () => {
      const candidates = await catalog.route(request.model, call.signal)
      const [first] = candidates
      if (!first) throw notFound(request.model)
      const chat = candidates.length === 1 ? chain(first.member) : poolOf(candidates)
      return chat({ ...request, model: first.model }, call)
    })
}

function notFound(model: string): ChatError {
  return new ChatError('model-not-found', {
    message: `The model "${excerpt(model, 200)}" does not exist here. GET /v1/models lists those that do.`,
    param: 'model',
  })
}
