import { ChatError } from '../../chat/error.ts'
import type { Fields } from '../../chat/message.ts'
import { type ChatRequest, type OfferedTool, schemaOf } from '../../chat/request.ts'
import { dialect } from './dialect.ts'

/**
 * Writes the tools and the choice among them.
 * @throws ChatError `unsupported` for tools or a choice that only another dialect can express
 */
export function encodeTools(request: ChatRequest): Fields {
  const { tools = [], toolChoice, parallelToolCalls } = request.parameters
  if (tools.length === 0) return {}
  const choice = encodeChoice(request)
  // only a choice can say that the model may call one tool at a time
  const single = parallelToolCalls === false && toolChoice?.type !== 'none' && { disable_parallel_tool_use: true }
  const isChosen = toolChoice !== undefined || single
  return {
    tools: tools.map((tool) => encodeTool(tool, request)),
    ...(isChosen && { tool_choice: { ...choice, ...single } }),
  }
}

/** Whether the model must call a tool. Anthropic refuses thinking then. */
export function mustCall({ parameters: { toolChoice } }: ChatRequest): boolean {
  return toolChoice?.type === 'required' || toolChoice?.type === 'function'
}

function encodeTool(tool: OfferedTool, { spelling }: ChatRequest): Fields {
  const own = tool.extra?.[dialect]
  // a typed tool of a client of this dialect
  if (own && (tool.type === 'foreign' || typeof own.type === 'string')) return own
  if (tool.type === 'foreign') throw unsupported(spelling.tools ?? 'tools', 'tools that are not functions')
  const { name, description, strict } = tool
  return {
    name,
    ...(description !== undefined && { description }),
    input_schema: schemaOf(tool),
    ...(strict && { strict }),
    ...own,
  }
}

function encodeChoice({ parameters: { toolChoice }, spelling }: ChatRequest): Fields {
  switch (toolChoice?.type) {
    case undefined:
    case 'auto':
      return { type: 'auto' }
    case 'none':
      return { type: 'none' }
    case 'required':
      return { type: 'any' }
    case 'function':
      return { type: 'tool', name: toolChoice.name }
    case 'foreign':
      throw unsupported(spelling.toolChoice ?? 'tool_choice', 'a choice of this kind')
  }
}

function unsupported(param: string, what: string): ChatError {
  return new ChatError('unsupported', { message: `${param}: Anthropic does not support ${what}.`, param })
}
