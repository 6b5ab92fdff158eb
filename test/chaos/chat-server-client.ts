import { createParser } from 'eventsource-parser'

/** An event that a client of the chat server gets. */
export interface Told {
  readonly type: string
  readonly data?: Readonly<Record<string, unknown>>
  readonly message?: string
}

export interface Asking {
  readonly path?: string
  readonly query?: string
  readonly key?: string
  readonly id?: string
  readonly signal?: AbortSignal
}

/** Posts to the chat server. */
export function post(url: string, body: object | string, asking: Asking = {}): Promise<Response> {
  const { path = '/api/chat/stream', query = '', key, id, signal } = asking
  return fetch(`${url}${path}${query}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key && { authorization: `Bearer ${key}` }),
      ...(id && { 'x-request-id': id }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal && { signal }),
  })
}

/** Reads events as the loop of a web page does: it splits the text at newlines, and keeps the last piece for the next read. */
export async function* browserEvents(response: Response): AsyncGenerator<Told> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let buffer = ''
  for (;;) {
    const step = await reader?.read()
    if (!step || step.done) return
    buffer += decoder.decode(step.value, { stream: true })
    const lines = buffer.split('\n')
    buffer = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice(6))
  }
}

/** Reads events with the parser that SDKs use. @throws if the text has anything other than events */
export function parsedEvents(stream: string): Told[] {
  const events: Told[] = []
  const parser = createParser({
    onEvent: ({ event, id, data }) => {
      if (event !== undefined || id !== undefined) throw new Error(`an event with a name or an id: ${event} ${id}`)
      events.push(JSON.parse(data))
    },
    onError: (error) => {
      throw error
    },
  })
  parser.feed(stream)
  return events
}

/** Asks, and reads the whole answer. @throws if it is not a stream */
export async function askChatServer(url: string, body: object, asking: Asking = {}): Promise<Told[]> {
  const response = await post(url, body, asking)
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
  return Array.fromAsync(browserEvents(response))
}

export const typesOf = (events: readonly Told[]) => events.map(({ type }) => type)

/** The text of an answer as it was streamed. */
export const textOf = (events: readonly Told[]) =>
  events.map(({ type, data }) => (type === 'chunk' ? String(data?.content) : '')).join('')

/** The message of `complete`. */
export function messageOf(events: readonly Told[]): Readonly<Record<string, unknown>> {
  const found = events.filter(({ type }) => type === 'complete').map(({ data }) => data?.message)
  const [message] = found
  if (found.length !== 1 || typeof message !== 'object' || message === null)
    throw new Error(`no one message: ${JSON.stringify(events)}`)
  return { ...message }
}

/** Returns the JSON that a route answers, with its status. */
export async function json(
  asked: Promise<Response>,
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const response = await asked
  return { status: response.status, body: JSON.parse(await response.text()) }
}
