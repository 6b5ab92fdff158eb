import type { Fields } from '../../chat/message.ts'
import type { OfferedTool, ToolChoice } from '../../chat/request.ts'
import { isFields, rest } from '../fields.ts'
import { type BodyPath, mustBe, refusedBody, textIn } from '../invalid-request.ts'
import { clientTool } from './client-tools.ts'
import { dialect } from './dialect.ts'
import { ownExtra } from './own-extra.ts'

/**
 * Reads the tools. A tool that is deferred is left out until a result has referred to it.
 * @param referenced the names of the tools to which results refer
 * @throws ChatError `invalid-request`
 */
export function decodeTools(
  tools: unknown,
  referenced: () => ReadonlySet<unknown>,
): readonly OfferedTool[] | undefined {
  if (tools === undefined || tools === null) return undefined
  if (!Array.isArray(tools))
    throw refusedBody({ path: ['tools'], problem: mustBe('a list', tools), code: 'invalid_type' })
  let names: ReadonlySet<unknown> | undefined
  const isNamed = (name: unknown) => {
    names ??= referenced()
    return names.has(name)
  }
  return tools.flatMap((tool, at) => {
    if (!isFields(tool))
      throw refusedBody({ path: ['tools', at], problem: mustBe('an object', tool), code: 'invalid_type' })
    return tool.defer_loading === true && !isNamed(tool.name) ? [] : [decodeTool(tool, ['tools', at])]
  })
}

/** A tool without a type, or of the type `custom`, is run by the client. Any other one is Anthropic's own. */
function decodeTool(tool: Fields, path: BodyPath): OfferedTool {
  const { type, description, input_schema, strict } = tool
  if (type !== 'custom' && type !== undefined && type !== null) return decodeTyped(tool, textIn(tool, 'type', path))
  return {
    type: 'function',
    name: textIn(tool, 'name', path),
    ...(typeof description === 'string' && { description }),
    ...(isFields(input_schema) && { parameters: withoutDialect(input_schema) }),
    ...(typeof strict === 'boolean' && { strict }),
    ...ownExtra(rest(tool, ['type', 'name', 'description', 'input_schema', 'strict'])),
  }
}

/** A typed tool that the client runs is a function for the models of other services. */
function decodeTyped(tool: Fields, type: string): OfferedTool {
  const known = typeof tool.name === 'string' ? clientTool(type) : undefined
  const own = { extra: { [dialect]: tool } }
  return known
    ? { type: 'function', name: String(tool.name), ...known, ...own }
    : { type: 'foreign', name: type, ...own }
}

/** Some services refuse the member that names the version of JSON Schema. Claude Code always sends it. */
function withoutDialect({ $schema: _, ...schema }: Fields): Fields {
  return schema
}

const choices: ReadonlyMap<unknown, 'auto' | 'none' | 'required'> = new Map<unknown, 'auto' | 'none' | 'required'>([
  ['auto', 'auto'],
  ['any', 'required'],
  ['none', 'none'],
])

/** The choice, and whether the model may call several tools at once. */
interface DecodedChoice {
  readonly toolChoice?: ToolChoice
  readonly parallelToolCalls?: boolean
}

/** @throws ChatError `invalid-request` */
export function decodeToolChoice(choice: unknown): DecodedChoice {
  if (choice === undefined || choice === null) return {}
  if (!isFields(choice))
    throw refusedBody({ path: ['tool_choice'], problem: mustBe('an object', choice), code: 'invalid_type' })
  const single = choice.disable_parallel_tool_use === true && { parallelToolCalls: false }
  const type = choices.get(choice.type)
  if (type) return { toolChoice: { type }, ...single }
  if (choice.type === 'tool')
    return { toolChoice: { type: 'function', name: textIn(choice, 'name', ['tool_choice']) }, ...single }
  throw refusedBody({
    path: ['tool_choice', 'type'],
    problem: 'must be "auto", "any", "tool" or "none"',
    code: 'invalid_value',
  })
}
