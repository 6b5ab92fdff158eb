import { connect } from 'node:net'

/** Parts of each streamed answer, and milliseconds between two of them. */
export interface StreamForm {
  readonly parts: number
  readonly everyMs: number
}

/** An upstream whose streams are slow, and whose other answers are quick. */
export function openUpstream({ parts, everyMs }: StreamForm) {
  const chunk = (content: string, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: 'a', object: 'chat.completion.chunk', created: 1, model: 'a', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`
  async function* stream() {
    for (let at = 0; at < parts; at++) {
      yield chunk(`${at} `)
      await Bun.sleep(everyMs)
    }
    yield `${chunk('', 'stop')}data: [DONE]\n\n`
  }
  const whole = {
    ...{ id: 'a', object: 'chat.completion', created: 1, model: 'a' },
    choices: [{ index: 0, message: { role: 'assistant', content: 'quick' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  }
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 255,
    async fetch(request) {
      if (request.method === 'GET') return Response.json({ data: [{ id: 'a' }] })
      return (await request.text()).includes('"stream":true')
        ? new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
        : Response.json(whole)
    },
  })
  const variables = { UPSTREAM_A_URL: `http://127.0.0.1:${server.port}/v1`, UPSTREAM_A_KEY: 'a-key-of-the-test' }
  return { variables, [Symbol.asyncDispose]: () => server.stop(true) }
}

const bodyOf = (stream: boolean) =>
  JSON.stringify({ model: 'a/a', stream, messages: [{ role: 'user', content: 'Hello' }] })

/** Reads a stream to its end. @returns what is wrong with it, or `whole` */
export async function readStream(url: string, { parts }: StreamForm, onBegun: () => void): Promise<string> {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: bodyOf(true) })
    if (!response.ok || !response.body) return `status ${response.status}`
    let text = ''
    for await (const bytes of response.body) {
      if (text === '') onBegun()
      text += Buffer.from(bytes).toString()
    }
    const content = [...text.matchAll(/"content":"(\d+ )"/g)].map(([, part]) => part).join('')
    const expected = Array.from({ length: parts }, (_, at) => `${at} `).join('')
    return content === expected && text.trimEnd().endsWith('[DONE]') ? 'whole' : `broken after ${content.slice(-10)}`
  } catch (thrown) {
    return String(thrown)
  }
}

/**
 * Sends requests until it is stopped, `perSecond` of them: half of them on a connection of their own, the others on
 * connections that stay open.
 * @returns a function that stops it, and gives the number of each outcome
 */
export function sendRequests(url: string, perSecond: number) {
  const outcomes = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const tickMs = 20
  let owed = 0
  let sent = 0
  const send = async (isAlone: boolean) => {
    const outcome = await (isAlone ? askAlone(url) : askKept(url))
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  }
  const timer = setInterval(() => {
    for (owed += (perSecond * tickMs) / 1_000; owed >= 1; owed--) {
      const request = send(sent++ % 2 === 0).finally(() => running.delete(request))
      running.add(request)
    }
  }, tickMs)
  return async () => {
    clearInterval(timer)
    await Promise.all(running)
    return Object.fromEntries(outcomes)
  }
}

const body = bodyOf(false)

async function askAlone(url: string): Promise<string> {
  const { status, text } = await sendAlone(`${url}/v1/chat/completions`, body)
  return text.includes('"quick"') ? '200' : `${status} ${text.slice(0, 60)}`
}

/**
 * Sends a request on a connection of its own, and never a second time: Bun's client may do both otherwise. It is a POST if it
 * has a body.
 */
export function sendAlone(url: string, body?: string): Promise<{ readonly status: string; readonly text: string }> {
  const { hostname, port, host, pathname } = new URL(url)
  const typed = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname)
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
    })
    socket.on('error', (error) => resolve({ status: String(error), text }))
    socket.on('close', () => resolve({ status: text.split(' ')[1] ?? 'closed', text: text.split('\r\n\r\n')[1] ?? '' }))
    const method = body === undefined ? 'GET' : 'POST'
    socket.write(`${method} ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${typed}\r\n${body ?? ''}`)
  })
}

/** Asks on a connection that may have been used before. */
async function askKept(url: string): Promise<string> {
  try {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })
    const text = await response.text()
    return text.includes('"quick"') ? '200' : `${response.status} ${text.slice(0, 60)}`
  } catch (thrown) {
    return String(thrown)
  }
}
