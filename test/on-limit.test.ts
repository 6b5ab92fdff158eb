import { afterEach, describe, expect, test } from 'bun:test'
import { emulateCto, emulatedUser } from '../src/providers/cto/emulator/index.ts'
import { emulateLangfast } from '../src/providers/langfast/emulator/index.ts'
import { emulateSmithery } from '../src/providers/smithery/emulator/index.ts'
import { startGateway } from './chaos/gateway.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** Starts a gateway, and returns a function that asks it. */
function startWith(variables: Readonly<Record<string, string>>) {
  const gateway = startGateway(variables)
  closers.push(gateway.close)
  return async (model: string) => {
    const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }] })
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body })
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), text: await answer.text() }
  }
}

function closeLater<Emulator extends { close(): unknown }>(emulator: Emulator): Emulator {
  closers.push(() => emulator.close())
  return emulator
}

const slowDown = { status: 429, headers: { 'retry-after': '40' }, body: ['{"error":"Slow down"}'] }
const usedUp = {
  status: 429,
  retryAfter: expect.stringMatching(/^(40|39)$/),
  text: expect.stringContaining('used up until'),
}

describe('a web product that limits one account', () => {
  test('gets no request with another one: smithery', async () => {
    const smithery = closeLater(await emulateSmithery({ accounts: 3 }))
    const ask = startWith(smithery.variables)
    smithery.script(slowDown)
    expect((await ask('smithery/gpt-5')).status).toBe(429)
    expect(await ask('smithery/glm-4.6')).toMatchObject(usedUp)
    expect(smithery.chats.length).toBe(1)
  })

  test('gets one if ON_LIMIT allows it: smithery', async () => {
    const smithery = closeLater(await emulateSmithery({ accounts: 3 }))
    const ask = startWith({ ...smithery.variables, SMITHERY_ON_LIMIT: 'next' })
    smithery.script(slowDown)
    expect((await ask('smithery/gpt-5')).status).toBe(200)
    expect(smithery.chats.length).toBe(2)
  })

  test('gets no request with another one: cto, whose own page says that the limit is reached', async () => {
    let hasReachedLimit = true
    const users = ['ONE', 'TWO'].map(emulatedUser)
    const cto = closeLater(
      await emulateCto({
        users,
        protocol: 'v2',
        hasReachedLimit: () => hasReachedLimit,
        reply: () => (hasReachedLimit ? { trigger: { status: 403, body: '{"error":"No."}' } } : undefined),
      }),
    )
    const ask = startWith(cto.variables)
    expect(await ask('cto/gpt_5_4')).toMatchObject({ status: 429, text: expect.stringContaining('used up until') })
    hasReachedLimit = false
    expect(await ask('cto/gpt_5_4')).toMatchObject({ status: 429, text: expect.stringContaining('used up until') })
    expect(cto.chats.length).toBeLessThanOrEqual(1)
  })

  for (const setting of ['rest', 'next'])
    test(`makes no anonymous account for it, with ${setting}: langfast`, async () => {
      let isLimited = true
      const langfast = closeLater(
        await emulateLangfast({ promptIds: ['p'], reply: () => (isLimited ? { refusal: slowDown } : undefined) }),
      )
      const limits = { MIN_CREDENTIALS: '1', MAX_CREDENTIALS: '5', LANGFAST_ON_LIMIT: setting }
      const ask = startWith({ ...langfast.variables, ...limits })
      expect((await ask('langfast/gpt-4o')).status).toBe(429)
      isLimited = false
      expect(await ask('langfast/gpt-5')).toMatchObject(usedUp)
      expect([langfast.counts.signUps, langfast.runs.length]).toEqual([1, 1])
    })
})
