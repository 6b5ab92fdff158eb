import { afterAll, describe, expect, test } from 'bun:test'
import { failureOf } from '../../../test/failure.ts'
import { Environment } from '../../config/environment.ts'
import { emulateHttp } from '../../wire/emulator/http.ts'
import { newCancel } from '../../wire/machine.double.ts'
import { type CtoCredential, readAccounts, readCookie } from './account.ts'
import { type CtoEmulator, emulateCto, emulatedUser } from './emulator/index.ts'
import { type CtoEmulatorOptions, type EmulatedUser, emulatedApiVersion, emulatedOrigin } from './emulator/state.ts'
import { provider } from './index.ts'

const signal = newCancel()
const cookie = emulatedUser('X').cookie

interface Running extends AsyncDisposable {
  readonly emulator: CtoEmulator
  readonly user: EmulatedUser
  readonly credential: CtoCredential
  renew(credential?: CtoCredential): Promise<CtoCredential>
}

async function startService(options: CtoEmulatorOptions = {}, variables = {}): Promise<Running> {
  const emulator = await emulateCto(options)
  const { credential, renewal } = accountOf({ ...emulator.variables, ...variables })
  const [user] = emulator.users
  if (!user) throw new Error('there is no user')
  return {
    emulator,
    user,
    credential,
    renew: (by = credential) => renewal.renew(by, signal),
    [Symbol.asyncDispose]: () => emulator.close(),
  }
}

function accountOf(variables: Readonly<Record<string, string>>) {
  const [account] = readAccounts(new Environment(variables), {
    url: variables.CTO_CLERK_URL ?? '',
    apiVersion: variables.CLERK_API_VERSION ?? emulatedApiVersion,
    origin: emulatedOrigin,
    userAgent: 'test',
  })
  if (!account?.renewal) throw new Error('there is no account')
  return { credential: account.credential, renewal: account.renewal }
}

describe('a cookie', () => {
  test('is read from a header, or from its value alone', () => {
    for (const text of [
      cookie,
      ` ${cookie}\n`,
      `__client=${cookie}`,
      `Cookie: a=b; __client=${cookie}; __session=x.y.z; __client_uat=1760000000; __client_uat_abc=1`,
      `__client_uat=0;__client=${cookie}`,
    ])
      expect(readCookie(text)).toBe(cookie)
  })

  test('that is invalid is reported without its value', () => {
    for (const text of ['__session=a.b.c', 'one.two', 'a b', '__client=', `__client_uat=${cookie}`]) {
      expect(readCookie(text)).toBeUndefined()
      const environment = new Environment({ CLERK_COOKIE: text })
      expect(provider.configure(environment)).toEqual([])
      expect(environment.problems).toMatchObject([{ variable: 'CLERK_COOKIE' }])
      expect(JSON.stringify(environment.problems)).not.toContain(text)
    }
  })
})

test('the same cookie in two variables is one account', () => {
  const environment = new Environment({ CLERK_COOKIE: cookie, CLERK_COOKIE_1: `__client=${cookie}` })
  const [upstream] = provider.configure(environment)
  expect(upstream?.accounts.map(({ label }) => label)).toEqual(['CLERK_COOKIE'])
  expect(environment.problems).toMatchObject([{ variable: 'CLERK_COOKIE_1', problem: 'is the cookie of CLERK_COOKIE' }])
  expect(JSON.stringify(environment.problems)).not.toContain(cookie)
})

describe('a session', () => {
  test('is found, and gets a token for a minute', async () => {
    await using service = await startService()
    const { session, cookie: kept } = await service.renew()
    expect(session?.id).toBe('sess_TEST0001')
    expect(session?.userId.reveal()).toBe('user_TEST0001')
    expect(session?.organizationId).toBe('org_TEST0001')
    expect(kept.reveal()).toBe(service.user.cookie)
    const life = (session?.expiresAt ?? 0) - Date.now()
    expect(life).toBeGreaterThan(55_000)
    expect(life).toBeLessThanOrEqual(60_000)
    expect(service.emulator.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `GET /v1/client?__clerk_api_version=${emulatedApiVersion}`,
      `POST /v1/client/sessions/sess_TEST0001/tokens?__clerk_api_version=${emulatedApiVersion}`,
    ])
    expect(service.emulator.requests[1]?.body).toBe('organization_id=org_TEST0001')
  })

  test('is the last active one of several, if it has not ended', async () => {
    await using service = await startService()
    const { user } = service
    user.sessions = ['sess_A', 'sess_B', 'sess_C']
    user.lastActive = 'sess_B'
    expect((await service.renew()).session?.id).toBe('sess_B')
    user.ended = ['sess_A', 'sess_B']
    expect((await service.renew()).session?.id).toBe('sess_C')
    user.ended = user.sessions
    expect((await failureOf(service.renew())).reason).toBe('login-needed')
  })

  test('is not searched again while it exists', async () => {
    await using service = await startService()
    const first = await service.renew()
    const second = await service.renew(first)
    expect(service.emulator.requests).toHaveLength(3)
    expect(second.session?.jwt.reveal()).not.toBe(first.session?.jwt.reveal())
  })

  test('is searched again once it is gone', async () => {
    await using service = await startService()
    const first = await service.renew()
    service.user.sessions = ['sess_TEST0002']
    expect((await service.renew(first)).session?.id).toBe('sess_TEST0002')
    expect(service.emulator.requests).toHaveLength(5)
  })

  test('continues with the new cookie after a rotation', async () => {
    await using service = await startService({ rotates: true })
    let credential = service.credential
    for (let at = 0; at < 3; at++) credential = await service.renew(credential)
    expect(credential.cookie.reveal()).toBe(service.user.cookie)
    expect(credential.cookie.reveal()).not.toBe(service.credential.cookie.reveal())
  })

  test('keeps the newest cookie if every reply rotates it, even if the renewal fails', async () => {
    await using service = await startService({ rotates: true })
    const { renewal } = accountOf(service.emulator.variables)
    const first = await service.renew()
    service.user.sessions = []
    const kept: CtoCredential[] = []
    const keep = async (credential: CtoCredential) => void kept.push(credential)
    expect((await failureOf(renewal.renew(first, signal, keep))).reason).toBe('login-needed')
    expect(kept.map(({ session }) => session?.id)).toEqual(['sess_TEST0001', 'sess_TEST0001'])
    expect(kept.at(-1)?.cookie.reveal()).toBe(service.user.cookie)
    service.user.sessions = ['sess_TEST0002']
    expect((await service.renew(kept.at(-1))).session?.id).toBe('sess_TEST0002')
  })

  test('is stored as text and read again', async () => {
    await using service = await startService()
    const { renewal } = accountOf(service.emulator.variables)
    const credential = await service.renew()
    const text = renewal.encode(credential)
    const again = renewal.decode(text)
    expect(again && renewal.encode(again)).toBe(text)
    expect(JSON.stringify(again)).not.toContain(credential.session?.jwt.reveal() ?? '')
    expect(renewal.decode(renewal.encode(service.credential))?.cookie.reveal()).toBe(service.user.cookie)
    for (const failingService of ['', '{}', '[]', 'null', '{"cookie":1}', '{"cookie":"x","session":{}}'])
      expect(renewal.decode(failingService)).toBeUndefined()
  })

  test('ends with its token; an account without a session counts as ended', async () => {
    await using service = await startService()
    const { renewal } = accountOf(service.emulator.variables)
    expect(renewal.expiresAt(service.credential)).toBe(0)
    const credential = await service.renew()
    expect(renewal.expiresAt(credential)).toBe(credential.session?.expiresAt)
    expect(renewal.aheadMs).toBeGreaterThanOrEqual(10_000)
  })
})

describe('Clerk proves that an account cannot be used', () => {
  test('by a reply without a session, and by a code for a signed-out user', async () => {
    await using service = await startService()
    service.user.sessions = []
    expect((await failureOf(service.renew())).reason).toBe('login-needed')
    service.user.cookie = 'another'
    expect(await failureOf(service.renew())).toMatchObject({ reason: 'login-needed', upstreamStatus: 401 })
  })

  test('by a code for a banned user', async () => {
    await using service = await startService()
    service.user.isBanned = true
    expect(await failureOf(service.renew())).toMatchObject({ reason: 'account-banned', upstreamStatus: 403 })
  })
})

describe('a temporary failure proves nothing:', () => {
  const replies: readonly (readonly [number, string, Readonly<Record<string, string>>, string])[] = [
    [401, '{"message":"proxy"}', {}, 'upstream-failed'],
    [403, '{"errors":[{"code":"origin_invalid"}]}', {}, 'upstream-failed'],
    [404, '{}', {}, 'upstream-failed'],
    [429, '{"errors":[{"code":"too_many_requests"}]}', { 'retry-after': '3' }, 'rate-limited'],
    [500, 'no', {}, 'upstream-failed'],
    [503, '', {}, 'overloaded'],
    [302, '', { location: '/' }, 'upstream-failed'],
    [200, 'no JSON', {}, 'upstream-failed'],
    [200, '{}', {}, 'upstream-failed'],
    [403, '<html>Just a moment...</html>', { 'content-type': 'text/html' }, 'challenged'],
    [200, '<html>Just a moment...</html>', { 'content-type': 'text/html' }, 'challenged'],
  ]
  let next: (typeof replies)[number] | undefined
  const failingService = emulateHttp((exchange) => {
    if (next) exchange.reply(next[0], next[1], next[2])
    else exchange.reset()
  })
  afterAll(async () => (await failingService).close())

  for (const reply of [...replies, undefined]) {
    test(reply ? `${reply[0]} ${reply[1]}` : 'a connection that breaks', async () => {
      next = reply
      const { origin } = await failingService
      const { credential, renewal } = accountOf({ CLERK_COOKIE: cookie, CTO_CLERK_URL: origin })
      const failure = await failureOf(renewal.renew(credential, signal))
      expect<string>(failure.reason).toBe(reply?.[3] ?? 'upstream-failed')
      if (failure.reason === 'rate-limited') expect(failure.retryAfterMs).toBe(3_000)
    })
  }
})

describe('the emulator refuses', () => {
  test('a wrong request to Clerk', async () => {
    await using service = await startService()
    const { origin } = service.emulator
    const ask = (path: string, headers: Record<string, string>, body?: string) =>
      fetch(`${origin}${path}`, body === undefined ? { headers } : { headers, method: 'POST', body }).then(
        ({ status }) => status,
      )
    const good = { origin: 'https://cto.new', cookie: `__client=${service.user.cookie}` }
    const version = `?__clerk_api_version=${emulatedApiVersion}`
    const tokens = (id: string) => `/v1/client/sessions/${id}/tokens${version}`
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await ask(`/v1/client${version}`, good)).toBe(200)
    expect(await ask(`/v1/client${version}`, { ...good, cookie: `__session=${service.user.cookie}` })).toBe(401)
    expect(await ask(`/v1/client${version}`, { cookie: good.cookie })).toBe(400)
    expect(await ask('/v1/client', good)).toBe(400)
    expect(await ask('/v1/client?__clerk_api_version=2020-01-01', good)).toBe(400)
    expect(await ask(tokens('sess_TEST0001'), { ...good, ...form }, '')).toBe(200)
    expect(await ask(tokens('sess_TEST0009'), { ...good, ...form }, '')).toBe(404)
    expect(await ask(tokens('sess_TEST0001'), { ...good, ...form }, 'organization_id=org_OTHER')).toBe(404)
    expect(await ask(tokens('sess_TEST0001'), { ...good, 'content-type': 'application/json' }, '{}')).toBe(400)
  })

  test('a wrong API version, and the gateway reports an upstream failure', async () => {
    await using service = await startService({}, { CLERK_API_VERSION: '2020-01-01' })
    expect((await failureOf(service.renew())).reason).toBe('upstream-failed')
  })
})

test('tokens end by the emulator’s clock', async () => {
  await using service = await startService({ now: () => 1_760_000_000_000 })
  expect((await service.renew()).session?.expiresAt).toBe(1_760_000_060_000)
})
