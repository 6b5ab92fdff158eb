/**
 * Law 6 for the bytes of the Responses API: a plain request and a whole response that is not stored keep their bytes between a client
 * and an upstream that both speak it. Only the id and the model change, and what one side lacks is added. Requests and responses with
 * odd spellings and unknown members go over real sockets.
 */
import { afterAll, expect, test } from 'bun:test'
import { emulateHttp } from '../../src/wire/emulator/http.ts'
import { startGateway } from '../chaos/gateway.ts'
import { times } from '../sizes.ts'
import { each } from '../waiting.ts'
import { seededRandom } from './generated/random.ts'

const runs = times(100, 1_000)
const atOnce = 8

/** The requests that arrived, by their `user`. */
const arrived = new Map<string, string>()
const upstream = await emulateHttp((exchange) => {
  const { body } = exchange.request
  const { user } = JSON.parse(body)
  arrived.set(user, body)
  const json = { 'content-type': 'application/json' }
  return exchange.reply(200, wholeOf(Number(user), { id: 'resp_theirs', model: 'theirs-2026' }, ''), json)
})
const gateway = startGateway({
  UPSTREAM_LAB_URL: `${upstream.origin}/v1`,
  UPSTREAM_LAB_API: 'responses',
  UPSTREAM_LAB_MODELS: 'gpt-test',
})
afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

interface Head {
  readonly id: string
  readonly model: string
}

/** Texts with escapes and numbers with forms that JSON.stringify does not write. */
const odd = ['"caf\\u00e9 \\/ 1.0"', '"A\\u0042"', '"\\ud83e\\udd9c"'] as const

/** @param added members at its end */
function wholeOf(seed: number, { id, model }: Head, added: string): string {
  const random = seededRandom(seed)
  const text = `{"type":"output_text","annotations":[],"logprobs":[],"text":${random.pick(odd)}}`
  const items = [
    `{"id":"msg_1","type":"message","status":"completed","content":[${text}],"role":"assistant"}`,
    `{"id":"fc_1","type":"function_call","status":"completed","arguments":"{\\"a\\": 1.0}","call_id":"call_1","name":"look"}`,
  ]
  const output = random.pick([items.slice(0, 1), items.slice(1), items]).join(random.pick([',', ' , ']))
  const usage =
    '{"input_tokens":9,"input_tokens_details":{"cached_tokens":0},"output_tokens":1e1,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":19}'
  const own = random.pick(['', '"x_own":{"z":1.50,"a":null},'])
  const space = random.pick(['', ' '])
  const head = `{${space}"id":"${id}","object":"response","created_at":1760000000.0,${own}"status":"completed","model":"${model}"`
  return `${head},"output":[${output}],"error":null,"temperature":1.0,"usage":${usage}${added}}`
}

/** The body of a request. */
function bodyOf(seed: number, model: string, added: string): string {
  const words = seededRandom(seed).pick([
    ...odd,
    `[{"role":"user","content":[{"type":"input_text","text":${odd[0]}}]},{"role":"assistant","content":"A\\/"}]`,
  ])
  const include = seed % 3 === 0 ? '"include":[ "reasoning.encrypted_content" ],' : ''
  const own = `"x_own":{"z":1.0,"a":null},"tools":[{"type":"function","name":"look"}]`
  return `{${added}"model":"${model}","store":false,${include}"input":${words},${own},"user":"${seed}"}`
}

async function ask(seed: number): Promise<string> {
  const body = bodyOf(seed, 'lab/gpt-test', '')
  const headers = { 'content-type': 'application/json' }
  return (await fetch(`${gateway.url}/v1/responses`, { method: 'POST', headers, body })).text()
}

test('a whole response leaves with its own bytes, except for the id and the model, and with all members', async () => {
  const unlike: object[] = []
  await each(Array(runs).keys(), atOnce, async (seed) => {
    const left = await ask(seed)
    const { id, temperature, tools } = JSON.parse(left)
    const own = wholeOf(seed, { id, model: 'lab/gpt-test' }, '').slice(0, -1)
    if (left.startsWith(own) && /^resp_(?!theirs)/.test(id) && temperature === 1 && Array.isArray(tools)) return
    unlike.push({ seed, own, left })
  })
  expect(unlike.slice(0, 3)).toEqual([])
})

test('a plain request arrives with its own bytes, except for the model, and with what the gateway adds', async () => {
  const unlike: object[] = []
  await each(Array(runs).keys(), atOnce, async (seed) => {
    await ask(seed)
    const include = seed % 3 === 0 ? '' : '"include":["reasoning.encrypted_content"],'
    const expected = bodyOf(seed, 'gpt-test', `${include}"stream":false,`)
    const body = arrived.get(`${seed}`)
    if (body !== expected) unlike.push({ seed, expected, body })
  })
  expect(unlike.slice(0, 3)).toEqual([])
})
