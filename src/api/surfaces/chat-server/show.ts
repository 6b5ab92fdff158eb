import { describeSeam } from '../../../chat/event.ts'
import type { ToolCallPart } from '../../../chat/message.ts'
import type { LoopEvent, ToolOutputEvent, ToolResultEvent } from '../../../gateway/tool-loop/events.ts'
import { readArguments } from '../../../gateway/tool-loop/read-arguments.ts'
import type { ServerEvent } from './event.ts'

/** The events to show to the client. The end of an answer is not among them, because the recorder makes it. */
export function show(event: LoopEvent): readonly ServerEvent[] {
  switch (event.type) {
    case 'text':
    case 'refusal':
      return event.text === '' ? [] : [{ type: 'chunk', data: { content: event.text } }]
    case 'reasoning':
      return event.text === '' ? [] : [{ type: 'reasoning', data: { content: event.text } }]
    case 'tool-calls':
      return event.calls.map(showCall)
    case 'tool-output':
      return [showOutput(event)]
    case 'tool-result':
      return [showResult(event)]
    case 'seam':
      return [{ type: 'comment', text: describeSeam(event.seam) }]
    default:
      return []
  }
}

function showCall({ id, name, arguments: json }: ToolCallPart): ServerEvent {
  const read = readArguments(json)
  const about = { tool_call_id: id, tool_name: name }
  if ('fields' in read) return { type: 'tool_call', data: { ...about, arguments: read.fields } }
  return { type: 'tool_call', data: { ...about, arguments: {}, raw_arguments: json } }
}

function showOutput({ toolCallId, source, text }: ToolOutputEvent): ServerEvent {
  return {
    type: 'tool_stream_chunk',
    data: { tool_call_id: toolCallId, content: text, ...(source === 'summary' && { is_summary: true }) },
  }
}

function showResult({ toolCallId, content, isError, shortened }: ToolResultEvent): ServerEvent {
  return {
    type: 'tool_result',
    data: {
      tool_call_id: toolCallId,
      result: content,
      ...(isError && { is_error: true }),
      ...(shortened === 'summarised' && { summarised: true }),
      ...(shortened === 'cut' && { truncated: true }),
    },
  }
}
