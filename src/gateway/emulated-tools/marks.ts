/** The marks of one conversation around a call and a result, for which its nonce stands in their names. */
export interface Marks {
  readonly call: string
  readonly result: string
}

export function marksFor(nonce: string): Marks {
  return { call: `tool_call_${nonce}`, result: `tool_result_${nonce}` }
}

/** The name that stands for a tool's name in the instructions. It is no name of a tool. */
export const placeholder = 'TOOL_NAME'

/** Names of elements that models put around a call. */
export const callElements: ReadonlySet<string> = new Set([
  'tool_call',
  'tool_calls',
  'tool-call',
  'toolcall',
  'toolcalls',
  'function_call',
  'function_calls',
  'functioncall',
  'function',
  'tool_use',
  'tool_code',
  'tool',
  'tools',
])

/** Names of elements within a call: around its name, and around its arguments. */
export const nameElements: ReadonlySet<string> = new Set(['tool_name', 'function_name', 'name'])
export const argumentElements: ReadonlySet<string> = new Set([
  'parameters',
  'arguments',
  'args',
  'input',
  'tool_input',
  'tool_arguments',
])

/** Marks that are one token of a model: Llama, Kimi, DeepSeek, Gemma, Mistral. The first ones begin a call. */
export const openingTokens = [
  '<|python_tag|>',
  '<|tool_calls_section_begin|>',
  '<|tool_call_section_begin|>',
  '<|tool_call_begin|>',
  '<|tool_calls|>',
  '<|tool_call|>',
  '<|tool_call>',
  '<｜tool▁calls▁begin｜>',
  '<｜tool▁call▁begin｜>',
  '<|tool▁calls▁begin|>',
  '<|tool▁call▁begin|>',
  '[TOOL_CALLS]',
  '[TOOL_CALL]',
] as const
/** Stand between the name and the arguments. */
export const middleTokens = ['<|tool_call_argument_begin|>', '<｜tool▁sep｜>', '<|tool▁sep|>', '[ARGS]'] as const
/** Stand after a call. */
export const closingTokens = [
  '<|tool_call_end|>',
  '<|tool_calls_section_end|>',
  '<|tool_call_section_end|>',
  '<tool_call|>',
  '<｜tool▁call▁end｜>',
  '<｜tool▁calls▁end｜>',
  '<|tool▁call▁end|>',
  '<|tool▁calls▁end|>',
  '[/TOOL_CALLS]',
  '[/TOOL_CALL]',
  '<|eom_id|>',
  '<|eot_id|>',
  '<|im_end|>',
] as const

/** How a result begins that a model makes up after its call. */
export const resultForm =
  /^(<(tool|function)_(result|response|output)s?[\s>_]|<(result|response|output|observation)s?>|<\|(tool_response|im_start|start_header_id|user|observation)|<[｜|]tool▁output|\[TOOL_RESULTS\]|```tool_output|(Observation|Tool (result|output|response)|Result|Output|Human|User|工具结果|结果|用户|观察) ?[:：])/i
export const maxResultForm = 24
