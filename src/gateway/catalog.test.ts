import { afterEach, expect, test } from 'bun:test'
import { poolOf } from '../accounts/pool.double.ts'
import { ChatError } from '../chat/error.ts'
import type { Model } from '../chat/model.ts'
import { CancelSource } from '../flow/cancel.ts'
import { ManualRuntime } from '../flow/runtime.double.ts'
import type { Upstream } from '../providers/provider.ts'
import { machine, newCancel } from '../wire/machine.double.ts'
import { Catalog } from './catalog.ts'
import { aLog, answering, finish, type LogLine, silence } from './chat.double.ts'

const openCatalogs: Catalog[] = []
afterEach(() => {
  for (const catalog of openCatalogs.splice(0)) catalog.close()
})

const quiet = () => newCancel()
const models = (...ids: readonly string[]): Model[] => ids.map((id) => ({ id }))

function upstream(name: string, listing: Pick<Upstream, 'models' | 'listModels'>): Upstream {
  return {
    name,
    accounts: [{ label: name, credential: undefined }],
    support: { parameters: {} },
    chat: answering(finish()),
    ...listing,
  }
}

function openCatalog(...upstreams: readonly Upstream[]) {
  const lines: LogLine[] = []
  const members = upstreams.map((one) => ({ upstream: one, pool: poolOf(one.accounts).pool }))
  const catalog = new Catalog(members, { log: aLog(lines), runtime: machine })
  openCatalogs.push(catalog)
  const route = async (address: string) =>
    (await catalog.route(address, quiet())).map(({ member, model }) => `${member.upstream.name}:${model}`)
  return { catalog, route, lines }
}

test('models are listed by their address, in the order of the upstreams', async () => {
  const { catalog } = openCatalog(
    upstream('b', { models: models('y', 'x') }),
    upstream('a', { listModels: async () => models('x') }),
  )
  expect((await catalog.list(quiet())).map(({ id }) => id)).toEqual(['b/y', 'b/x', 'a/x'])
})

test('a model is found by its full name and by its bare name, even if the bare name has slashes', async () => {
  const { catalog } = openCatalog(
    upstream('a', { models: models('org/x') }),
    upstream('b', { models: models('org/x') }),
  )
  expect((await catalog.find('b/org/x', quiet()))?.id).toBe('b/org/x')
  expect((await catalog.find('org/x', quiet()))?.id).toBe('a/org/x')
  expect(await catalog.find('x', quiet())).toBeUndefined()
})

test('a full address names one upstream, and a bare name stands for all upstreams that list it', async () => {
  const { route } = openCatalog(
    upstream('a', { models: models('x') }),
    upstream('b', { models: models('x', 'a/x') }),
    upstream('c', { listModels: async () => models('z') }),
  )
  expect(await route('a/x')).toEqual(['a:x'])
  expect(await route('x')).toEqual(['a:x', 'b:x'])
  expect(await route('c/anything')).toEqual(['c:anything'])
  expect(await route('a/unlisted')).toEqual([])
  expect(await route('unlisted')).toEqual([])
})

test('an upstream whose list is unknown may serve an unlisted name, and the failure of its list is logged', async () => {
  const failing = async () => {
    throw new ChatError('account-refused', { message: 'refused' })
  }
  const { route, lines } = openCatalog(upstream('a', { models: models('x') }), upstream('b', { listModels: failing }))
  expect(await route('x')).toEqual(['a:x'])
  expect(await route('y')).toEqual(['b:y'])
  expect(lines).toMatchObject([{ level: 'warn', fields: { upstream: 'b', err: { code: 'upstream_auth' } } }])
})

/** Models that count how often their id is read. */
function countedModels(count: number) {
  const reads = { count: 0 }
  const list = Array.from(
    { length: count },
    (_, at): Model => ({
      get id() {
        reads.count++
        return `m${at}`
      },
    }),
  )
  return { reads, list }
}

test('the cost of finding a model does not grow with the number of models', async () => {
  const { reads, list } = countedModels(5_000)
  const { catalog } = openCatalog(upstream('a', { models: list }), upstream('b', { listModels: async () => list }))
  await catalog.list(quiet())
  await catalog.find('m0', quiet())
  reads.count = 0
  const signal = quiet()
  const [candidate] = await catalog.route('a/m4999', signal)
  expect(candidate && catalog.modelOf(candidate).id).toBe('m4999')
  expect(await catalog.route('m4998', signal)).toHaveLength(2)
  expect(await catalog.route('a/unlisted', signal)).toHaveLength(0)
  expect((await catalog.find('b/m4997', signal))?.upstream).toBe('b')
  expect((await catalog.find('m4996', signal))?.upstream).toBe('a')
  expect(await catalog.find('unlisted', signal)).toBeUndefined()
  expect(reads.count).toBeLessThan(10)
})

test('a route is known at once unless a list has to be waited for', async () => {
  const list = Promise.withResolvers<Model[]>()
  const { catalog } = openCatalog(
    upstream('a', { models: models('x') }),
    upstream('b', { listModels: () => list.promise }),
  )
  expect(catalog.route('a/x', quiet())).toMatchObject([{ model: 'x' }])
  expect(catalog.route('b/y', quiet())).toMatchObject([{ model: 'y' }])
  const waiting = catalog.route('x', quiet())
  expect(waiting).toBeInstanceOf(Promise)
  list.resolve(models('x'))
  expect(await waiting).toHaveLength(2)
  expect(catalog.route('x', quiet())).toHaveLength(2)
  expect(catalog.route('unlisted', quiet())).toEqual([])
})

test('the list is the same array until an upstream sends its list again', async () => {
  const runtime = new ManualRuntime()
  let served = models('x')
  const a = upstream('a', { listModels: async () => served })
  const catalog = new Catalog([{ upstream: a, pool: poolOf(a.accounts).pool }], { log: aLog([]), runtime })
  const signal = new CancelSource(runtime)
  const first = await catalog.list(signal)
  served = models('y')
  await runtime.advance(9 * 60_000)
  expect(await catalog.list(signal)).toBe(first)
  await runtime.advance(60_000)
  // the old list is used while the new one is requested
  expect(await catalog.list(signal)).toBe(first)
  await runtime.settle()
  expect((await catalog.list(signal)).map(({ id }) => id)).toEqual(['a/y'])
  expect(catalog.route('x', signal)).toEqual([])
  expect(catalog.route('y', signal)).toHaveLength(1)
  catalog.close()
})

test('a model that a list has twice is one candidate', async () => {
  const { catalog, route } = openCatalog(upstream('a', { models: [{ id: 'x', created: 1 }, { id: 'x' }] }))
  expect(await route('x')).toEqual(['a:x'])
  expect((await catalog.find('x', quiet()))?.model.created).toBe(1)
})

test('a list is requested once for many requests at the same time, and kept', async () => {
  let asked = 0
  const { catalog } = openCatalog(
    upstream('a', {
      listModels: async () => {
        asked++
        await Bun.sleep(5)
        return models('x')
      },
    }),
  )
  await Promise.all(Array.from({ length: 50 }, () => catalog.list(quiet())))
  await catalog.list(quiet())
  expect(asked).toBe(1)
})

test('a request that is aborted during the request for a list ends, and the list still arrives', async () => {
  const list = Promise.withResolvers<Model[]>()
  const { catalog } = openCatalog(upstream('a', { listModels: () => list.promise }))
  const controller = newCancel()
  const reason = new Error('left')
  const asking = catalog.list(controller).catch((thrown: unknown) => thrown)
  controller.abort(reason)
  expect(await asking).toBe(reason)
  list.resolve(models('x'))
  expect(await catalog.list(quiet())).toHaveLength(1)
})

test('closing stops a request for a list without a log line', async () => {
  const { catalog, lines } = openCatalog(upstream('a', { listModels: (_account, signal) => silence(signal) }))
  const asking = catalog.list(quiet())
  catalog.close()
  expect(await asking).toEqual([])
  expect(lines).toEqual([])
})

const unreachable = () => new ChatError('upstream-failed', { message: 'refused', code: 'upstream_unreachable' })

test('an upstream that was down is asked again with the next request, and is missing until its list arrives', async () => {
  let asked = 0
  let isUp = false
  const listModels = async () => {
    asked++
    await Promise.resolve()
    if (!isUp) throw unreachable()
    return models('x')
  }
  const { catalog, route, lines } = openCatalog(upstream('a', { models: models('y') }), upstream('b', { listModels }))
  expect((await catalog.list(quiet())).map(({ id }) => id)).toEqual(['a/y'])
  expect(catalog.missing()).toEqual(['b'])
  await Promise.all(Array.from({ length: 50 }, () => route('x')))
  expect(asked).toBe(2)
  isUp = true
  expect(await route('x')).toEqual(['b:x'])
  expect(asked).toBe(3)
  expect((await catalog.list(quiet())).map(({ id }) => id)).toEqual(['a/y', 'b/x'])
  expect(catalog.missing()).toEqual([])
  expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1)
})

test('a request with the upstream in its address does not wait for the list, which arrives later', async () => {
  let isUp = false
  const listModels = async () => {
    if (!isUp) throw unreachable()
    return models('x')
  }
  const { catalog, route } = openCatalog(upstream('b', { listModels }))
  await catalog.list(quiet())
  isUp = true
  expect(await route('b/anything')).toEqual(['b:anything'])
  expect((await catalog.list(quiet())).map(({ id }) => id)).toEqual(['b/x'])
})

test('an upstream that refuses to list is not asked again for a while', async () => {
  let asked = 0
  const listModels = async () => {
    asked++
    throw new ChatError('account-refused', { message: 'refused', upstreamStatus: 401 })
  }
  const { catalog, route } = openCatalog(upstream('b', { listModels }))
  for (let time = 0; time < 5; time++) await route('x')
  expect(asked).toBe(1)
  expect(catalog.missing()).toEqual(['b'])
})
