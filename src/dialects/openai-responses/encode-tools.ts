import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import {
  type ChatRequest,
  type OfferedTool,
  type ResponseFormat,
  schemaOf,
  type ToolChoice,
} from '../../chat/request.ts'
import { compact } from '../fields.ts'
import { dialect } from './dialect.ts'

/** Writes the tools and the choice among them. Tools that only another dialect knows are left out. @throws ChatError `unsupported` */
export function encodeTools({ parameters, spelling }: ChatRequest): Fields {
  const { tools = [], toolChoice, parallelToolCalls } = parameters
  const written = tools.flatMap(encodeTool)
  if (written.length === 0) return {}
  return compact({
    tools: written,
    tool_choice: toolChoice && encodeChoice(toolChoice, spelling.toolChoice),
    parallel_tool_calls: parallelToolCalls,
  })
}

/** Writes a tool. Without `strict` OpenAI would take it for true, which changes the meaning of optional parameters. OpenAI, Function calling */
export function encodeTool(tool: OfferedTool): readonly Fields[] {
  const own = tool.extra?.[dialect]
  if (tool.type === 'foreign') return own ? [own] : []
  const { name, description, strict = false } = tool
  return [compact({ type: 'function', name, description, parameters: schemaOf(tool), strict, ...own })]
}

/** @throws ChatError `unsupported` for a choice that only another dialect knows */
export function encodeChoice(choice: ToolChoice, param = 'tool_choice'): unknown {
  if (choice.type === 'function') return { type: 'function', name: choice.name }
  if (choice.type !== 'foreign') return choice.type
  const own = choice.extra[dialect]
  if (own) return own
  throw new ChatError('unsupported', { message: `${param}: the Responses API has no choice of this kind.`, param })
}

/** Writes the form of the text, whose members stand beside its type, and not below it as in Chat Completions. */
export function encodeFormat(format: ResponseFormat | undefined): Fields | undefined {
  switch (format?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json':
      return { type: 'json_object' }
    case 'foreign':
      return format.extra[dialect]
    case 'json-schema': {
      const { name, schema, description, strict } = format
      return schema ? compact({ type: 'json_schema', name, schema, description, strict }) : { type: 'json_object' }
    }
  }
}
