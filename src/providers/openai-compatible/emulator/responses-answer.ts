import { encryptedFor, inputOf, type ResponsesBody } from './responses-body.ts'
import type { ResponseItem } from './responses-stream.ts'

/** The emulated model's answer: reasoning if an effort is wanted, calls if the message asks for them, otherwise an echo. */
export function itemsFor(body: ResponsesBody): readonly ResponseItem[] {
  const turn = inputOf(body).length
  const calls = callsFor(body, turn)
  const thinks = body.reasoning?.effort !== undefined && body.reasoning.effort !== 'none'
  return [
    ...(thinks ? [thoughtFor(body, `rs_${turn}`)] : []),
    ...(calls.length > 0 ? calls : [echoFor(body, `msg_${turn}`)]),
  ]
}

function thoughtFor({ reasoning, include }: ResponsesBody, item: string): ResponseItem {
  const summary = reasoning?.summary === undefined ? [] : [{ type: 'summary_text', text: 'Let me think.' }]
  const isEncrypted = include?.includes('reasoning.encrypted_content')
  return { id: item, type: 'reasoning', summary, ...(isEncrypted && { encrypted_content: encryptedFor(item) }) }
}

function echoFor(body: ResponsesBody, item: string): ResponseItem {
  const said = lastText(body)
  const text = body.text?.format?.type === 'json_schema' ? JSON.stringify({ said }) : `You said: ${said}`
  return messageItem(item, [{ type: 'output_text', text, annotations: [], logprobs: [] }])
}

export function messageItem(item: string, parts: readonly object[]): ResponseItem {
  return { id: item, type: 'message', status: 'completed', role: 'assistant', content: parts }
}

function callsFor(body: ResponsesBody, turn: number): readonly ResponseItem[] {
  const [verb, ...names] = lastText(body).split(' ')
  if (verb !== 'call') return []
  return names.flatMap((name, at): ResponseItem[] => {
    const offered = body.tools?.find((each) => each.name === name)
    const common = { status: 'completed', call_id: `call_${turn}_${at + 1}`, name }
    if (offered?.type === 'function')
      return [{ id: `fc_${turn}_${at}`, type: 'function_call', ...common, arguments: '{"city":"Paris"}' }]
    return offered?.type === 'custom'
      ? [{ id: `ctc_${turn}_${at}`, type: 'custom_tool_call', ...common, input: 'Paris "é" 🦜' }]
      : []
  })
}

/** The text of the last item, if it is the user's, or the outputs of tools. */
function lastText(body: ResponsesBody): string {
  const last = inputOf(body).at(-1)
  const said = last && 'output' in last ? last.output : last && 'content' in last ? last.content : ''
  if (typeof said === 'string') return said
  return Array.isArray(said) ? said.map((part) => String(part.text ?? `[${part.type}]`)).join(' ') : ''
}
