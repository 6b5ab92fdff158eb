/** A service with a real prompt cache for each of its accounts, in OpenAI's manner and in Anthropic's. */
import { z } from 'zod'

const Body = z.looseObject({
  tools: z.array(z.unknown()).default([]),
  system: z.unknown().optional(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown().optional() })),
})
type Body = z.infer<typeof Body>

/** A request that the service got. */
interface ServedRequest {
  readonly account: string
  readonly promptTokens: number
  readonly cachedTokens: number
}

export interface CachingService {
  readonly url: string
  readonly served: readonly ServedRequest[]
  /** Answers the next requests of this account with this status. */
  failNext(account: string, status: number, count?: number): void
  close(): Promise<void>
}

/** Characters of a token, and of a cached block: OpenAI caches in steps of 128 tokens. */
const tokenLength = 4
const blockLength = 128 * tokenLength

export function startCachingService(): CachingService {
  const caches = new Map<string, Set<string>>()
  const served: ServedRequest[] = []
  const failures = new Map<string, number[]>()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const account = (request.headers.get('x-api-key') ?? request.headers.get('authorization') ?? '').replace(
        'Bearer ',
        '',
      )
      const status = failures.get(account)?.pop()
      if (status !== undefined)
        return Response.json({ error: { message: 'overloaded', type: 'server_error' } }, { status })
      const cache = caches.get(account) ?? new Set<string>()
      caches.set(account, cache)
      const body = Body.parse(await request.json())
      const isMessages = new URL(request.url).pathname.endsWith('/messages')
      const used = isMessages ? readMarked(body, cache) : readBlocks(body, cache)
      served.push({ account, ...used })
      return Response.json(isMessages ? messageOf(used) : completionOf(used))
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    served,
    failNext: (account, status, count = 1) => void failures.set(account, Array<number>(count).fill(status)),
    close: () => server.stop(true),
  }
}

interface Tokens {
  readonly promptTokens: number
  readonly cachedTokens: number
}

/** Every block of the prompt is cached, and a block is found only after all blocks before it. */
function readBlocks({ tools, messages }: Body, cache: Set<string>): Tokens {
  const prompt = [...tools, ...messages].map((item) => JSON.stringify(item)).join('\n')
  let [hash, cached, isHit] = ['', 0, true]
  for (let at = 0; at + blockLength <= prompt.length; at += blockLength) {
    hash = Bun.hash(hash + prompt.slice(at, at + blockLength)).toString(36)
    isHit &&= cache.has(hash)
    if (isHit) cached += blockLength
    cache.add(hash)
  }
  return { promptTokens: Math.ceil(prompt.length / tokenLength), cachedTokens: cached / tokenLength }
}

const Marked = z.looseObject({ cache_control: z.unknown().optional() })

/** The prompt is cached up to each mark. An earlier end is found up to 20 blocks before a mark. Anthropic, Prompt caching */
function readMarked({ tools, system, messages }: Body, cache: Set<string>): Tokens {
  const blocks = [tools, system, ...messages.map(({ content }) => content)].flatMap((part) => part ?? [])
  const ends: { readonly hash: string; readonly length: number; readonly isMarked: boolean }[] = []
  let [hash, length] = ['', 0]
  for (const block of blocks) {
    const marked = Marked.safeParse(block)
    const text = JSON.stringify(block, (name, value) => (name === 'cache_control' ? undefined : value))
    hash = Bun.hash(hash + text).toString(36)
    length += text.length
    ends.push({ hash, length, isMarked: marked.success && marked.data.cache_control !== undefined })
  }
  const isNear = (at: number) => ends.slice(at, at + 20).some(({ isMarked }) => isMarked)
  const hit = ends.findLast((end, at) => isNear(at) && cache.has(end.hash))
  for (const end of ends) if (end.isMarked) cache.add(end.hash)
  return { promptTokens: Math.ceil(length / tokenLength), cachedTokens: Math.ceil((hit?.length ?? 0) / tokenLength) }
}

function completionOf({ promptTokens, cachedTokens }: Tokens): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_760_000_000,
    model: 'model',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
    usage: {
      ...{ prompt_tokens: promptTokens, completion_tokens: 2, total_tokens: promptTokens + 2 },
      prompt_tokens_details: { cached_tokens: cachedTokens },
    },
  }
}

function messageOf({ promptTokens, cachedTokens }: Tokens): object {
  return {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'model' },
    content: [{ type: 'text', text: 'Yes.' }],
    ...{ stop_reason: 'end_turn', stop_sequence: null },
    usage: {
      ...{ input_tokens: promptTokens - cachedTokens, cache_read_input_tokens: cachedTokens, output_tokens: 2 },
    },
  }
}
