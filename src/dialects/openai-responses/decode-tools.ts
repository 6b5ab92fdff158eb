import type { Fields } from '../../chat/message.ts'
import type { OfferedTool, ToolChoice } from '../../chat/request.ts'
import { isFields } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { dialect } from './dialect.ts'
import { functionForText, type ToolNames } from './tool-names.ts'

/** The tools that an upstream can be offered, and the types of those that only OpenAI runs. */
export interface ReadTools {
  readonly tools: OfferedTool[]
  readonly hosted: string[]
}

/** Reads a list of tools. @throws ChatError `invalid-request` */
export function decodeTools(tools: unknown, names: ToolNames, path: BodyPath = ['tools']): ReadTools {
  const found: ReadTools = { tools: [], hosted: [] }
  if (tools === undefined || tools === null) return found
  if (!Array.isArray(tools)) throw refusedBody({ path, problem: mustBe('a list', tools), code: 'invalid_type' })
  for (const [at, tool] of tools.entries()) {
    if (!isFields(tool))
      throw refusedBody({ path: [...path, at], problem: mustBe('an object', tool), code: 'invalid_type' })
    addTool(found, tool, { names, path: [...path, at] })
  }
  return found
}

interface ToolPlace {
  readonly names: ToolNames
  readonly path: BodyPath
  readonly namespace?: string
}

function addTool(found: ReadTools, tool: Fields, place: ToolPlace): void {
  const { names, path, namespace } = place
  switch (tool.type) {
    case 'function':
    case 'custom': {
      const name = textIn(tool, 'name', path)
      const known = names.add({ kind: tool.type, name, ...(namespace !== undefined && { namespace }) })
      found.tools.push(tool.type === 'custom' ? functionForText(known, tool) : functionOf(known, tool))
      break
    }
    case 'namespace': {
      const { tools: inner = [] } = tool
      if (!Array.isArray(inner)) break
      const name = textIn(tool, 'name', path)
      for (const [at, one] of inner.entries())
        if (isFields(one)) addTool(found, one, { names, path: [...path, 'tools', at], namespace: name })
      break
    }
    case 'tool_search':
      if (tool.execution !== 'client') found.hosted.push('tool_search')
      else {
        names.add({ kind: 'tool_search', name: 'tool_search' })
        found.tools.push(functionOf('tool_search', tool))
      }
      break
    default:
      found.hosted.push(textIn(tool, 'type', path))
  }
}

function functionOf(name: string, { description, parameters, strict }: Fields): OfferedTool {
  return {
    type: 'function',
    name,
    ...(typeof description === 'string' && { description }),
    ...(isFields(parameters) && { parameters }),
    ...(typeof strict === 'boolean' && { strict }),
  }
}

/** The choice, and the only tools that may be called, if it limits them. */
interface LimitedChoice {
  readonly toolChoice?: ToolChoice
  readonly allowed?: ReadonlySet<string>
}

/** @throws ChatError `invalid-request` */
export function decodeChoice(choice: unknown, names: ToolNames): LimitedChoice {
  if (choice === undefined || choice === null) return {}
  const word = wordOf(choice)
  if (word) return { toolChoice: { type: word } }
  if (!isFields(choice))
    throw refusedBody({
      path: ['tool_choice'],
      problem: 'must be "auto", "none", "required" or an object',
      code: 'invalid_value',
    })
  if (choice.type === 'function' || choice.type === 'custom')
    return { toolChoice: { type: 'function', name: named(choice, names) } }
  if (choice.type === 'allowed_tools') return allowedIn(choice, names)
  // a tool that OpenAI runs
  textIn(choice, 'type', ['tool_choice'])
  return { toolChoice: { type: 'foreign', extra: { [dialect]: choice } } }
}

function wordOf(choice: unknown): 'auto' | 'none' | 'required' | undefined {
  return choice === 'auto' || choice === 'none' || choice === 'required' ? choice : undefined
}

function named(choice: Fields, names: ToolNames): string {
  const name = textIn(choice, 'name', ['tool_choice'])
  return names.nameOf(name, typeof choice.namespace === 'string' ? choice.namespace : undefined)
}

function allowedIn({ mode, tools }: Fields, names: ToolNames): LimitedChoice {
  // without the list no tool would be offered
  if (!Array.isArray(tools))
    throw refusedBody({ path: ['tool_choice', 'tools'], problem: mustBe('a list', tools), code: 'invalid_type' })
  const allowed = new Set(
    tools.flatMap((tool) => (isFields(tool) && typeof tool.name === 'string' ? [named(tool, names)] : [])),
  )
  return { toolChoice: { type: wordOf(mode) ?? 'auto' }, allowed }
}
