import { resolve } from 'node:path'

const completion = { id: 'a', object: 'chat.completion', created: 1, model: 'a' }
const chunk = { ...completion, object: 'chat.completion.chunk' }
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const frames = [
  { ...chunk, choices: [{ index: 0, delta: { role: 'assistant', content: 'a' }, finish_reason: null }] },
  { ...chunk, choices: [{ index: 0, delta: { content: 'b' }, finish_reason: null }] },
  { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
  { ...chunk, choices: [], usage },
]

/**
 * Runs an executable as most operators do, and writes which functions it used, so that the next build puts their bytecode
 * together (docs/decisions/0045-small-start.md). The lines are sorted, because their order differs from run to run and
 * would make each build another one.
 */
export async function recordOrder(executable: string, order: string): Promise<void> {
  const upstream = serveUpstream()
  const running = Bun.spawn([resolve(executable)], {
    env: {
      PORT: '0',
      LOG_FORMAT: 'json',
      UPSTREAM_A_URL: `http://127.0.0.1:${upstream.port}/v1`,
      UPSTREAM_A_KEY: 'a-key-of-the-build',
      BUN_BYTECODE_ORDER_OUT: order,
    },
    stderr: 'inherit',
  })
  try {
    await use(await addressIn(running.stdout))
    running.kill('SIGTERM')
    if ((await running.exited) !== 0) throw new Error('The executable did not stop properly.')
  } finally {
    running.kill('SIGKILL')
    await upstream.stop(true)
  }
  await Bun.write(order, sortedOrder(await Bun.file(order).text()))
}

/** Sorts the lines of an order below its first, which names its version. */
export function sortedOrder(order: string): string {
  const [version = '', ...lines] = order.trimEnd().split('\n')
  return `${[version, ...lines.sort()].join('\n')}\n`
}

/** An upstream that answers every request in the same way. */
function serveUpstream() {
  const message = { role: 'assistant', content: 'a' }
  return Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      if (request.method === 'GET') return Response.json({ data: [{ id: 'a' }] })
      const isStream = (await request.text()).includes('"stream":true')
      if (!isStream)
        return Response.json({ ...completion, choices: [{ index: 0, message, finish_reason: 'stop' }], usage })
      const text = `${frames.map((frame) => `data: ${JSON.stringify(frame)}\n\n`).join('')}data: [DONE]\n\n`
      return new Response(text, { headers: { 'content-type': 'text/event-stream' } })
    },
  })
}

async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const bytes of output) {
    text += Buffer.from(bytes).toString()
    const address = /"url":"([^"]+)"/.exec(text)?.[1]
    if (address !== undefined) return address
  }
  throw new Error(`The executable did not start: ${text}`)
}

async function use(url: string): Promise<void> {
  await (await fetch(`${url}/health`)).text()
  await (await fetch(`${url}/v1/models`)).text()
  for (const stream of [false, true, false, true]) {
    const body = JSON.stringify({ model: 'a/a', stream, messages: [{ role: 'user', content: 'Hello' }] })
    const answer = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body })
    if (!answer.ok) throw new Error(`The executable answered ${answer.status}: ${await answer.text()}`)
    await answer.text()
  }
}
