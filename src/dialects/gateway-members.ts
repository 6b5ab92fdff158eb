import type { Fields } from '../chat/message.ts'
import type { ProviderWish, Wishes } from '../chat/wishes.ts'
import { isFields } from './fields.ts'
import { mustBe, refusedBody } from './invalid-request.ts'

/** A key of the client's own, as some gateways ask for it, and what the client wants of this gateway. */
const members = ['api_key', 'tributary'] as const

/** Whether a member or a form's field of this name is meant for a gateway. */
export function isGatewayMember(name: string): boolean {
  return members.some((one) => one === name)
}

/** Whether a body has members that are meant for a gateway, in any dialect. */
export function hasGatewayMembers(body: Fields): boolean {
  return members.some((name) => name in body) || isFields(body.provider)
}

/**
 * Removes those members. The gateway asks with its own key, and no upstream may see a client's. Only OpenRouter gets `provider`,
 * from the client that asks it.
 */
export function withoutGatewayMembers(body: Fields): Fields {
  if (!hasGatewayMembers(body)) return body
  const { api_key: _key, tributary: _wishes, ...others } = body
  if (!isFields(others.provider)) return others
  const { provider: _provider, ...rest } = others
  return rest
}

/** The wishes that are true or false, and those that are names of upstreams. */
const flags = ['emulate', 'continue', 'hedge', 'fallback'] as const
const nameLists = ['order', 'only', 'not'] as const

/** Wishes while they are read. */
type Draft = { -readonly [Name in keyof Wishes]: Wishes[Name] }

/**
 * Reads what the client wants of this gateway: `"tributary": {"only": ["mistral"], "continue": false}`, and OpenRouter's
 * `"provider": {"order": ["mistral"], "allow_fallbacks": false}`.
 * @throws ChatError `invalid-request`
 */
export function gatewayWishes({ tributary, provider }: Fields): { readonly wishes?: Wishes } {
  const own = tributary === undefined || tributary === null ? undefined : ownWishes(tributary)
  if (!isFields(provider)) return own ? { wishes: own } : {}
  return { wishes: { ...own, provider: providerWish(provider) } }
}

function ownWishes(tributary: unknown): Wishes {
  if (!isFields(tributary)) throw wrong(['tributary'], mustBe('an object', tributary))
  const wishes: Draft = {}
  for (const name of flags) {
    const value = tributary[name] ?? undefined
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw wrong(['tributary', name], mustBe('true or false', value))
    wishes[name] = value
  }
  for (const name of nameLists) {
    const value = tributary[name] ?? undefined
    if (value !== undefined) wishes[name] = namesIn(name, value)
  }
  return wishes
}

/** One name may be sent without its list. */
function namesIn(wish: string, value: unknown): readonly string[] {
  const names: readonly unknown[] = Array.isArray(value) ? value : [value]
  return names.map((name) => {
    if (typeof name === 'string') return name
    throw wrong(['tributary', wish], mustBe('a list of names of upstreams', value))
  })
}

/** Reads what has a meaning here. OpenRouter judges the rest. OpenRouter, Provider Routing */
function providerWish(sent: Fields): ProviderWish {
  const lists = { order: sent.order, only: sent.only, not: sent.ignore }
  const named = Object.entries(lists).map(([name, value]) => [name, textsIn(value)] as const)
  return {
    ...Object.fromEntries(named.filter(([, names]) => names !== undefined)),
    ...(typeof sent.allow_fallbacks === 'boolean' && { fallback: sent.allow_fallbacks }),
    sent,
  }
}

function textsIn(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  const items: readonly unknown[] = Array.isArray(value) ? value : [value]
  return items.filter((item) => typeof item === 'string')
}

function wrong(path: readonly string[], problem: string) {
  return refusedBody({ path, problem, code: 'invalid_type' })
}
