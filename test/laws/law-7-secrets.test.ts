/** Law 7: no secret appears in an event, an error, a log line or an answer. No prompt appears in the log. */
import { afterAll, describe, expect, test } from 'bun:test'
import { inspect } from 'node:util'
import { openApp } from '../../src/app.ts'
import type { ChatRequest } from '../../src/chat/request.ts'
import { readConfig } from '../../src/config/config.ts'
import { MemoryStore } from '../../src/state/memory/memory-store.ts'
import { machine, newCancel } from '../../src/wire/machine.double.ts'
import { isFull } from '../sizes.ts'
import { each } from '../waiting.ts'
import { forms, newCall, outcomeOf, recordLog } from './ask.ts'
import { chosenSubjects } from './chosen-subjects.ts'
import type { Rig } from './subject.ts'

/** The prompt of each request. No log line above `debug` may have it. */
const prompt = 'the-prompt-canary-2b77'
const clientKey = 'client-canary-91c4e7aa5d20'
const never = newCancel()

for (const subject of chosenSubjects) {
  const rig = await subject.start()
  const lines: string[] = []
  const app = openApp(
    { ...configured(), upstreams: [rig.upstream] },
    recordLog(lines),
    new MemoryStore({ runtime: machine }),
    {
      runtime: machine,
    },
  )
  afterAll(async () => {
    await app.close()
    await rig.close()
  })

  describe(subject.name, () => {
    for (const [at, [form, chat]] of forms(rig.upstream).entries()) {
      test(`no secret is in events, errors or the log, ${form}`, async () => {
        await each(shareOf(everyRequest(rig), at), 30, async (request) => {
          const said: string[] = []
          const { events, thrown } = await outcomeOf(chat, request, newCall(never, recordLog(said)))
          expectNoSecret(rig, [JSON.stringify(events), inspect(thrown, { depth: 9, showHidden: true }), ...said])
        })
      })
    }
    for (const [at, stream] of [true, false].entries()) {
      test(`no secret is in the answer to a client ${stream ? 'with' : 'without'} streaming`, async () => {
        await each(shareOf(everyRequest(rig), at), 30, async ({ model }) => {
          const response = await ask(app.url, { key: clientKey, model: `${rig.upstream.name}/${model}`, stream })
          expectNoSecret(rig, [inspect([...response.headers]), await response.text()])
        })
      })
    }
    test('an answer to a wrong key does not repeat the key', async () => {
      const wrong = `${clientKey}x`
      const response = await ask(app.url, { key: wrong, model: 'any', stream: true })
      expect(response.status).toBe(403)
      expect(await response.text()).not.toContain(wrong)
    })
    test('no secret is in the log at its lowest level, and no prompt is above debug', () => {
      expect(lines.length).toBeGreaterThan(shareOf(everyRequest(rig), 0).length)
      expectNoSecret(rig, lines)
      for (const line of lines) if (!line.includes('"level":"debug"')) expect(line).not.toContain(prompt)
    })
  })
}

function configured() {
  const config = readConfig({ API_MASTER_KEY: clientKey, HOST: '127.0.0.1', PORT: '0' }, false)
  if ('problems' in config) throw new Error('the test is misconfigured')
  return config
}

function everyRequest(rig: Rig): ChatRequest[] {
  return [rig.request(), ...rig.leaks()]
}

/** Picks the requests for one of the tests. With TRIBUTARY_TEST_FULL=1 each test gets all of them. */
function shareOf(requests: readonly ChatRequest[], at: number): readonly ChatRequest[] {
  return isFull ? requests : requests.filter((_, place) => place % 2 === at)
}

async function ask(url: string, { key, model, stream }: { key: string; model: string; stream: boolean }) {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: prompt }] }),
  })
}

function expectNoSecret(rig: Rig, texts: readonly string[]): void {
  for (const secret of [...rig.secrets, clientKey])
    for (const form of [secret, btoa(secret).replace(/=+$/, ''), secret.slice(0, 12)])
      for (const text of texts) expect(text).not.toContain(form)
}
