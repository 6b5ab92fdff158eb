import { ChatError, type Reason } from '../../../chat/error.ts'
import type { Gateway } from '../../../gateway/gateway.ts'
import { answerJson, type JsonRequest } from '../../exchange/answer-json.ts'
import type { AddedCredential } from '../../exchange/credential-admin.ts'
import type { SurfaceRoute } from '../surface.ts'
import { encodeAccount, encodeFinding } from './upstreams.ts'

const shared = { access: 'admin', cors: false } as const

/** Why the credentials may stay as they are. */
const changes: readonly Reason[] = ['conflict', 'unavailable']

/** The routes for single accounts. No answer has a credential. */
export const accountRoutes: readonly SurfaceRoute[] = [
  {
    ...shared,
    method: 'POST',
    path: '/admin/accounts',
    summary: 'Adds a credential: tests it at the upstream, keeps it encrypted, and uses it at once',
    takes: 'NewCredential',
    gives: 'AddedCredential',
    status: 201,
    fails: changes,
    handler: answerJson(async (request, _call, { credentials }) => {
      const { variables, ...members } = membersIn(await request.json())
      const added = await credentials.add(textsIn(variables), { isForced: forceIn(members) })
      return { status: 201, body: encode(added) }
    }),
  },
  {
    ...shared,
    method: 'PUT',
    path: '/admin/accounts/{variable}',
    summary: 'Replaces a credential of the state by another one, which is tested first',
    takes: 'ReplacedCredential',
    gives: 'AddedCredential',
    fails: [...changes, 'not-found'],
    handler: answerJson(async (request, _call, { credentials }) => {
      const { value, ...members } = membersIn(await request.json())
      if (typeof value !== 'string') throw fault('value', 'must be a text')
      const isForced = forceIn(members)
      return { body: encode(await credentials.replace(request.param('variable') ?? '', value, { isForced })) }
    }),
  },
  {
    ...shared,
    method: 'DELETE',
    path: '/admin/accounts/{variable}',
    summary: 'Removes a credential of the state',
    gives: 'RemovedCredential',
    fails: [...changes, 'not-found'],
    handler: answerJson(async (request, _call, { credentials }) => {
      const variable = request.param('variable') ?? ''
      return { body: { variable, deleted: true, removed: await credentials.remove(variable) } }
    }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/upstreams/{name}/accounts/{label}/rest',
    summary: 'Lets an account rest for some minutes: it is not used',
    takes: 'AccountRest',
    gives: 'UpstreamAccount',
    fails: ['not-found', 'conflict'],
    handler: answerJson(async (request, _call, { gateway }) => {
      const ms = minutesIn(membersIn(await request.json()).minutes) * 60_000
      return change(request, gateway, (pool, label) => pool.restByOperator(label, ms))
    }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/admin/upstreams/{name}/accounts/{label}/wake',
    summary: 'Ends the rest of an account',
    gives: 'UpstreamAccount',
    fails: ['not-found', 'conflict'],
    handler: answerJson((request, _call, { gateway }) =>
      change(request, gateway, (pool, label) => pool.wakeByOperator(label)),
    ),
  },
]

type AccountPool = NonNullable<ReturnType<Gateway['pool']>>

function change(
  request: JsonRequest,
  gateway: Gateway,
  work: (pool: AccountPool, label: string) => ReturnType<AccountPool['wakeByOperator']>,
) {
  const [name, label] = [request.param('name') ?? '', request.param('label') ?? '']
  const pool = gateway.pool(name)
  const status = pool && work(pool, label)
  if (!status)
    throw new ChatError('not-found', { message: 'There is no such account. GET /admin/upstreams lists them.' })
  const { kind } = status.state
  if (kind === 'needs-login' || kind === 'banned')
    throw new ChatError('conflict', {
      message: `The service has refused this account for good (${kind}). Only another credential helps: replace this one.`,
      code: 'credential_needed',
    })
  const { accounts = [] } = gateway.inspect().upstreams.find((upstream) => upstream.name === name) ?? {}
  return { body: accounts.filter((account) => account.label === label).map(encodeAccount)[0] }
}

function encode({ upstream, accounts, test }: AddedCredential) {
  return { upstream, accounts, test: encodeFinding(test) }
}

/** A year. */
const maxMinutes = 525_600

function minutesIn(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= maxMinutes) return value
  throw fault('minutes', `must be a whole number from 1 to ${maxMinutes}`)
}

function forceIn({ force = false }: Readonly<Record<string, unknown>>): boolean {
  if (typeof force === 'boolean') return force
  throw fault('force', 'must be true or false')
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  const texts = Object.entries(isObject(value) ? value : {}).flatMap(([name, text]): readonly [string, string][] =>
    typeof text === 'string' ? [[name, text]] : [],
  )
  if (isObject(value) && texts.length === Object.keys(value).length) return Object.fromEntries(texts)
  throw fault('variables', 'must be an object of variables with their texts, such as {"OPENAI_API_KEY": "…"}')
}

function membersIn(value: unknown): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value
  throw fault('the body', 'must be an object')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fault(param: string, problem: string): ChatError {
  return new ChatError('invalid-request', { message: `${param} ${problem}.`, param, code: 'invalid_value' })
}
