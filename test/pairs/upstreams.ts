import { emulateAi21 } from '../../src/providers/ai21/emulator/index.ts'
import { emulateAnthropic, messageEvent } from '../../src/providers/anthropic/emulator/index.ts'
import { cohereEvent, emulateCohere } from '../../src/providers/cohere/emulator/index.ts'
import { emulateMistral } from '../../src/providers/mistral/emulator/index.ts'
import { emulateOpenai, frame } from '../../src/providers/openai-compatible/emulator/index.ts'
import { encryptedFor } from '../../src/providers/openai-compatible/emulator/responses-body.ts'
import {
  type ResponseEnding,
  type ResponseItem,
  responseStream,
} from '../../src/providers/openai-compatible/emulator/responses-stream.ts'
import type { HttpEmulator } from '../../src/wire/emulator/http.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import type { Json } from './clients.ts'
import { type End, type Piece, type Reply, type Talk, type ToolResult, type Turn, textOf } from './talk.ts'

interface How {
  readonly isStream: boolean
  readonly isOneChunk?: boolean
}

/** An upstream's dialect, read and written by hand from its documentation. */
export interface UpstreamDialect {
  /** The model's name for clients. */
  readonly model: string
  /** Starts the emulated service, which is as strict as the real one. It answers each request with what `next` returns. */
  start(next: () => Script): Promise<HttpEmulator>
  /** The variables of the gateway. */
  variables(origin: string): Readonly<Record<string, string>>
  /** Writes an answer. A service that says more than one thing in one chunk does so if `isOneChunk`. */
  answer(reply: Reply, how: How): Script
  /** Reads the body of a request. */
  read(body: Json): Talk
}

const json = { 'content-type': 'application/json' }
const usage = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 }
const unsigned = (piece: Piece): boolean => !('thought' in piece) || piece.signature === undefined

/** Signatures that the emulated Anthropic accepts. */
export const signatures = ['Rmlyc3Qtc2lnbmF0dXJl', 'U2Vjb25kLXNpZ25hdHVyZQ==', 'VGhpcmQtc2lnbmF0dXJl']

// Chat Completions, and the services that almost speak it

const words = { stop: 'stop', calls: 'tool_calls', length: 'length', filter: 'content_filter', unknown: 'a_word' }

function callOf(piece: Extract<Piece, { call: string }>) {
  return {
    id: piece.call,
    type: 'function',
    function: { name: piece.name, arguments: JSON.stringify(piece.input) },
  }
}

const callsIn = (pieces: readonly Piece[]) => pieces.flatMap((piece) => ('call' in piece ? [callOf(piece)] : []))
const thoughtIn = (pieces: readonly Piece[]) =>
  pieces.map((piece) => ('thought' in piece ? piece.thought : '')).join('')

/** Cuts a text, so that nothing comes whole. */
const halves = (text: string) => [text.slice(0, 3), text.slice(3)].filter((half) => half !== '')

function deltasOf(pieces: readonly Piece[]): readonly object[] {
  let calls = 0
  return pieces.flatMap((piece): readonly object[] => {
    if ('thought' in piece) return halves(piece.thought).map((reasoning_content) => ({ reasoning_content }))
    if ('text' in piece) return halves(piece.text).map((content) => ({ content }))
    if (!('call' in piece)) return []
    const index = calls++
    const { function: called, ...others } = callOf(piece)
    const first = { index, ...others, function: { name: called.name, arguments: '' } }
    const grown = halves(called.arguments).map((half) => ({ index, function: { arguments: half } }))
    return [first, ...grown].map((one) => ({ tool_calls: [one] }))
  })
}

function chatAnswer({ pieces, end }: Reply, { isStream, isOneChunk }: How): Script {
  const thought = thoughtIn(pieces)
  const calls = callsIn(pieces)
  const message = {
    content: textOf(pieces) || null,
    ...(thought !== '' && { reasoning_content: thought }),
    ...(calls.length > 0 && { tool_calls: calls }),
  }
  const head = { id: 'c', created: 1, model: 'm' }
  const finish_reason = words[end]
  if (!isStream) {
    const choices = [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }]
    return { headers: json, body: [JSON.stringify({ ...head, object: 'chat.completion', choices, usage })] }
  }
  const indexed = {
    ...message,
    ...(calls.length > 0 && { tool_calls: calls.map((one, index) => ({ index, ...one })) }),
  }
  const deltas = isOneChunk ? [indexed] : deltasOf(pieces)
  const chunks = [
    ...[{ role: 'assistant', content: '' }, ...deltas].map((delta) => ({ index: 0, delta, finish_reason: null })),
    { index: 0, delta: {}, finish_reason },
  ]
  const frames = chunks.map((choice) => frame({ ...head, object: 'chat.completion.chunk', choices: [choice] }))
  const counted = frame({ ...head, object: 'chat.completion.chunk', choices: [], usage })
  return { body: [...frames, counted, 'data: [DONE]\n\n'] }
}

const base64Of = (url: string) => url.slice(url.indexOf(',') + 1)

function piecesOfContent(content: Json): readonly Piece[] {
  if (content === null || content === undefined) return []
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return content.map((part: Json): Piece => {
    if (part.type === 'image_url') return { picture: base64Of(part.image_url.url) }
    if (part.type === 'file') return { pdf: base64Of(part.file.file_data) }
    if (part.type === 'text') return { text: part.text }
    throw new Error(`an unexpected part: ${part.type}`)
  })
}

const resultOf = ({ tool_call_id: call, content }: Json) => failedOrNot(call, piecesOfContent(content))

/** A result that begins with this word failed: these dialects cannot say it in another way. */
function failedOrNot(call: string, [first, ...others]: readonly Piece[]): ToolResult {
  const [, rest] = first && 'text' in first ? (/^Error(?:: (.*))?$/s.exec(first.text) ?? []) : []
  const failed = first && 'text' in first && /^Error(:|$)/.test(first.text)
  if (!failed) return { call, pieces: first ? [first, ...others] : [] }
  return { call, pieces: [...(rest ? [{ text: rest }] : []), ...others], failed: true }
}

/** The pictures and files of results stand in a message of the user, each after a heading that names the call. */
function movedIn(content: Json): readonly ToolResult[] | undefined {
  const heading = (part: Json) => /result of the tool call (\S+): data/.exec(part.text ?? '')?.[1]
  if (!Array.isArray(content) || !heading(content[0])) return undefined
  const moved: { call: string; pieces: Piece[] }[] = []
  for (const part of content) {
    const call = part.type === 'text' ? heading(part) : undefined
    if (call !== undefined) moved.push({ call, pieces: [] })
    else moved.at(-1)?.pieces.push(...piecesOfContent([part]))
  }
  return moved
}

function readTurns(messages: Json): readonly Turn[] {
  const turns: Turn[] = []
  const addResults = (more: readonly ToolResult[]) => {
    const last = turns.at(-1)
    if (last?.by !== 'tools') turns.push({ by: 'tools', results: more })
    else turns.splice(-1, 1, { by: 'tools', results: [...last.results, ...more] })
  }
  for (const { role, content, reasoning_content, tool_plan, tool_calls, ...others } of messages) {
    const moved = role === 'user' ? movedIn(content) : undefined
    const at = turns.findLastIndex(({ by }) => by === 'tools')
    const last = turns[at]
    if (moved && last?.by === 'tools')
      turns.splice(at, 1, {
        by: 'tools',
        results: last.results.map((result) => ({
          ...result,
          pieces: [...result.pieces, ...moved.flatMap(({ call, pieces }) => (call === result.call ? pieces : []))],
        })),
      })
    else if (role === 'tool') addResults([resultOf({ content, ...others })])
    else if (role === 'assistant') {
      const thought = reasoning_content ?? tool_plan
      const calls = (tool_calls ?? []).map(({ id, function: { name, arguments: text } }: Json) => ({
        call: id,
        name,
        input: JSON.parse(text),
      }))
      turns.push({ by: 'model', pieces: [...(thought ? [{ thought }] : []), ...piecesOfContent(content), ...calls] })
    } else turns.push({ by: role === 'user' ? 'user' : 'system', pieces: piecesOfContent(content) })
  }
  return turns
}

function readChat({ messages, tools, parallel_tool_calls }: Json): Talk {
  return {
    turns: readTurns(messages),
    ...(tools && { tools: tools.map((tool: Json) => tool.function.name) }),
    ...(parallel_tool_calls === false && { isSingle: true }),
  }
}

const chat: UpstreamDialect = {
  model: 'lab/m',
  start: (reply) => emulateOpenai({ models: ['m'], reply }),
  variables: (origin) => ({
    UPSTREAM_LAB_URL: `${origin}/v1`,
    UPSTREAM_LAB_KEY: 'sk-upstream',
    UPSTREAM_LAB_MODELS: 'm',
  }),
  answer: chatAnswer,
  read: readChat,
}

/** Mistral gives thoughts as parts of the content. */
function mistralAnswer({ pieces, end }: Reply, how: How): Script {
  if (thoughtIn(pieces) === '' || !how.isStream) return chatAnswer({ pieces, end }, how)
  const parts = pieces.flatMap((piece): object[] => {
    if ('thought' in piece) return [{ type: 'thinking', thinking: [{ type: 'text', text: piece.thought }] }]
    return 'text' in piece ? [{ type: 'text', text: piece.text }] : []
  })
  const calls = callsIn(pieces).map((one, index) => ({ index, ...one }))
  const deltas = how.isOneChunk
    ? [{ content: parts, ...(calls.length > 0 && { tool_calls: calls }) }]
    : pieces.flatMap((piece): readonly object[] => {
        if ('call' in piece) return calls.filter(({ id }) => id === piece.call).map((one) => ({ tool_calls: [one] }))
        return parts.splice(0, 1).map((part) => ({ content: [part] }))
      })
  const choices = [...deltas.map((delta) => ({ delta, finish_reason: null })), { delta: {}, finish_reason: words[end] }]
  return {
    body: [
      ...choices.map((one) => frame({ id: 'c', model: 'm', choices: [{ index: 0, ...one }], usage })),
      'data: [DONE]\n\n',
    ],
  }
}

const mistral: UpstreamDialect = {
  model: 'mistral/mistral-small-latest',
  start: (reply) => emulateMistral({ reply }),
  variables: (origin) => ({ MISTRAL_TOKEN: 'sk-upstream', MISTRAL_BASE_URL: origin }),
  answer: mistralAnswer,
  read: readChat,
}

const ai21: UpstreamDialect = {
  model: 'ai21/jamba-mini',
  start: (reply) => emulateAi21({ reply }),
  variables: (origin) => ({ AI21_TOKEN: 'sk-upstream', AI21_BASE_URL: origin }),
  answer: chatAnswer,
  read: readChat,
}

// Cohere

const cohereWords = {
  stop: 'COMPLETE',
  calls: 'TOOL_CALL',
  length: 'MAX_TOKENS',
  filter: 'ERROR_TOXIC',
  unknown: 'A_WORD',
}

function cohereEvents(pieces: readonly Piece[]) {
  let calls = 0
  return pieces.flatMap((piece, index) => {
    const content = (type: 'text' | 'thinking', text: string) => [
      { type: 'content-start', index, delta: { message: { content: { type, [type]: '' } } } },
      ...halves(text).map((half) => ({
        type: 'content-delta',
        index,
        delta: { message: { content: { [type]: half } } },
      })),
      { type: 'content-end', index },
    ]
    if ('text' in piece) return content('text', piece.text)
    if ('thought' in piece) return content('thinking', piece.thought)
    if (!('call' in piece)) return []
    const at = calls++
    const { function: called, ...others } = callOf(piece)
    const tool_calls = { ...others, function: { name: called.name, arguments: '' } }
    return [
      { type: 'tool-call-start', index: at, delta: { message: { tool_calls } } },
      ...halves(called.arguments).map((half) => ({
        type: 'tool-call-delta',
        index: at,
        delta: { message: { tool_calls: { function: { arguments: half } } } },
      })),
      { type: 'tool-call-end', index: at },
    ]
  })
}

const cohere: UpstreamDialect = {
  model: 'cohere/command-test',
  start: (reply) => emulateCohere({ reply }),
  variables: (origin) => ({ COHERE_TOKEN: 'sk-upstream', COHERE_BASE_URL: origin }),
  answer: ({ pieces, end }) => ({
    body: [
      { type: 'message-start', id: 'x', delta: { message: { role: 'assistant' } } },
      ...cohereEvents(pieces),
      {
        type: 'message-end',
        id: 'x',
        delta: { finish_reason: cohereWords[end], usage: { tokens: { input_tokens: 9, output_tokens: 4 } } },
      },
    ].map(cohereEvent),
  }),
  read: readChat,
}

// Anthropic

const anthropicWords = {
  stop: 'end_turn',
  calls: 'tool_use',
  length: 'max_tokens',
  filter: 'refusal',
  unknown: 'a_word',
}

function blockEvents(piece: Piece, index: number) {
  const [block, deltas] = blockOf(piece)
  return [
    { type: 'content_block_start', index, content_block: block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]
}

function blockOf(piece: Piece): readonly [block: object, deltas: readonly object[]] {
  if ('thought' in piece)
    return [
      { type: 'thinking', thinking: '', signature: '' },
      [
        ...halves(piece.thought).map((thinking) => ({ type: 'thinking_delta', thinking })),
        ...(unsigned(piece) ? [] : [{ type: 'signature_delta', signature: piece.signature }]),
      ],
    ]
  if ('call' in piece)
    return [
      { type: 'tool_use', id: piece.call, name: piece.name, input: {} },
      halves(JSON.stringify(piece.input)).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
    ]
  return [{ type: 'text', text: '' }, halves(textOf([piece])).map((text) => ({ type: 'text_delta', text }))]
}

function pieceOfBlock(block: Json): Piece {
  switch (block.type) {
    case 'text':
      return { text: block.text }
    case 'thinking':
      return { thought: block.thinking, signature: block.signature }
    case 'tool_use':
      return { call: block.id, name: block.name, input: block.input }
    case 'image':
      return { picture: block.source.data }
    case 'document':
      return { pdf: block.source.data }
    default:
      throw new Error(`an unexpected block: ${block.type}`)
  }
}

function turnsOf({ role, content }: Json): readonly Turn[] {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  const by = role === 'assistant' ? 'model' : role
  return blocks.map((block: Json): Turn => {
    if (block.type === 'tool_result') return { by: 'tools', results: [resultOfBlock(block)] }
    const piece = pieceOfBlock(block)
    // instructions in the middle are a reminder in the user's message
    const [, text] = ('text' in piece && /^<system-reminder>\n(.*)\n<\/system-reminder>$/s.exec(piece.text)) || []
    return text === undefined ? { by, pieces: [piece] } : { by: 'system', pieces: [{ text }] }
  })
}

function resultOfBlock({ tool_use_id: call, content = [], is_error }: Json): ToolResult {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  return { call, pieces: blocks.map(pieceOfBlock), ...(is_error && { failed: true }) }
}

const anthropic: UpstreamDialect = {
  model: 'anthropic/claude-test',
  start: (reply) => emulateAnthropic({ signatures, reply }),
  variables: (origin) => ({ ANTHROPIC_API_KEY: 'sk-upstream', ANTHROPIC_BASE_URL: origin }),
  answer: ({ pieces, end }) => ({
    body: [
      {
        type: 'message_start',
        message: { id: 'x', type: 'message', role: 'assistant', content: [], usage: { input_tokens: 9 } },
      },
      ...pieces.flatMap(blockEvents),
      { type: 'message_delta', delta: { stop_reason: anthropicWords[end] }, usage: { output_tokens: 4 } },
      { type: 'message_stop' },
    ].map(messageEvent),
  }),
  read: ({ system, messages, tools, tool_choice }) => ({
    turns: [
      ...(system
        ? [
            {
              by: 'system' as const,
              pieces: typeof system === 'string' ? [{ text: system }] : system.map(pieceOfBlock),
            },
          ]
        : []),
      ...messages.flatMap(turnsOf),
    ],
    ...(tools && { tools: tools.map(({ name }: Json) => name) }),
    ...(tool_choice?.disable_parallel_tool_use && { isSingle: true }),
  }),
}

// Responses

const endings = {
  stop: {},
  calls: {},
  length: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  filter: { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
  unknown: {},
} as const satisfies Record<End, ResponseEnding>

function itemOf(piece: Piece, at: number): ResponseItem {
  if ('thought' in piece) {
    const id = `rs_${at}`
    return {
      id,
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: piece.thought }],
      encrypted_content: encryptedFor(id),
    }
  }
  if ('call' in piece) {
    const { id: call_id, function: called } = callOf(piece)
    return { id: `fc_${at}`, type: 'function_call', status: 'completed', call_id, ...called }
  }
  const content = [{ type: 'output_text', text: textOf([piece]), annotations: [], logprobs: [] }]
  return { id: `msg_${at}`, type: 'message', status: 'completed', role: 'assistant', content }
}

function piecesOfInput(content: Json): readonly Piece[] {
  if (typeof content === 'string') return content === '' ? [] : [{ text: content }]
  return content.map((part: Json): Piece => {
    if (part.type === 'input_image') return { picture: base64Of(part.image_url) }
    if (part.type === 'input_file') return { pdf: base64Of(part.file_data) }
    return { text: part.text }
  })
}

function turnOfItem(item: Json): Turn {
  switch (item.type ?? 'message') {
    case 'function_call':
      return { by: 'model', pieces: [{ call: item.call_id, name: item.name, input: JSON.parse(item.arguments) }] }
    case 'function_call_output':
      return { by: 'tools', results: [failedOrNot(item.call_id, piecesOfInput(item.output))] }
    case 'reasoning':
      return { by: 'model', pieces: [{ thought: item.summary[0]?.text ?? '', signature: item.encrypted_content }] }
    default: {
      const by = item.role === 'assistant' ? 'model' : item.role === 'user' ? 'user' : 'system'
      return { by, pieces: piecesOfInput(item.content) }
    }
  }
}

/** An answer of several items is one turn, and so are the results of its calls. */
function withTurn(turns: readonly Turn[], turn: Turn): readonly Turn[] {
  const last = turns.at(-1)
  if (last?.by === 'tools' && turn.by === 'tools')
    return [...turns.slice(0, -1), { by: 'tools', results: [...last.results, ...turn.results] }]
  if (last?.by === 'model' && turn.by === 'model')
    return [...turns.slice(0, -1), { by: 'model', pieces: [...last.pieces, ...turn.pieces] }]
  return [...turns, turn]
}

const responses: UpstreamDialect = {
  model: 'items/m',
  start: (respond) => emulateOpenai({ models: ['m'], respond }),
  variables: (origin) => ({
    UPSTREAM_ITEMS_URL: `${origin}/v1`,
    UPSTREAM_ITEMS_KEY: 'sk-upstream',
    UPSTREAM_ITEMS_MODELS: 'm',
    UPSTREAM_ITEMS_API: 'responses',
  }),
  answer: ({ pieces, end }) => ({ body: responseStream('m', pieces.map(itemOf), endings[end]) }),
  read: ({ instructions, input, tools, parallel_tool_calls }) => ({
    turns: [
      ...(instructions ? [{ by: 'system' as const, pieces: [{ text: instructions }] }] : []),
      ...(typeof input === 'string' ? [{ role: 'user', content: input }] : input).map(turnOfItem).reduce(withTurn, []),
    ],
    ...(tools && { tools: tools.map(({ name }: Json) => name) }),
    ...(parallel_tool_calls === false && { isSingle: true }),
  }),
}

export const upstreams = { chat, responses, anthropic, mistral, cohere, ai21 } as const satisfies Record<
  string,
  UpstreamDialect
>
