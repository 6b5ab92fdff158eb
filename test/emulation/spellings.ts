/** A call that a model wants to make. */
export interface WrittenCall {
  readonly name: string
  readonly args: Readonly<Record<string, unknown>>
}

/** A way in which models write a call. */
export interface CallSpelling {
  readonly name: string
  write(call: WrittenCall, mark: string): string
  /** What stands before and after the call as text, if anything does. */
  readonly prose?: string
}

const own = (mark: string, body: string) => `<${mark}>\n${body}\n</${mark}>`
const json = (name: string, args: object) => JSON.stringify({ name, arguments: args })

/** The argument as the text of an element. */
const value = (argument: unknown) => (typeof argument === 'string' ? argument : JSON.stringify(argument))
const elements = (args: object, write: (name: string, text: string) => string) =>
  Object.entries(args).map(([name, argument]) => write(name, value(argument)))

/** Writes a value as Python does. */
function python(given: unknown): string {
  if (given === null) return 'None'
  if (typeof given === 'boolean') return given ? 'True' : 'False'
  if (Array.isArray(given)) return `[${given.map(python).join(', ')}]`
  if (typeof given === 'object')
    return `{${Object.entries(given)
      .map(([name, member]) => `'${name}': ${python(member)}`)
      .join(', ')}}`
  if (typeof given !== 'string') return String(given)
  return `'${JSON.stringify(given).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

/** Formats that models are trained on, or make up. */
const formats: readonly CallSpelling[] = [
  { name: 'ours', write: ({ name, args }, mark) => own(mark, json(name, args)) },
  { name: 'Hermes and Qwen', write: ({ name, args }) => `<tool_call>\n${json(name, args)}\n</tool_call>` },
  {
    name: 'Qwen3-Coder',
    write: ({ name, args }) =>
      `<tool_call>\n<function=${name}>\n${elements(args, (key, text) => `<parameter=${key}>\n${text}\n</parameter>\n`).join('')}</function>\n</tool_call>`,
  },
  {
    name: 'invoke',
    write: ({ name, args }) =>
      `<function_calls>\n<invoke name="${name}">\n${elements(args, (key, text) => `<parameter name="${key}">${text}</parameter>\n`).join('')}</invoke>\n</function_calls>`,
  },
  {
    name: 'GLM',
    write: ({ name, args }) =>
      `<tool_call>${name}\n${elements(args, (key, text) => `<arg_key>${key}</arg_key>\n<arg_value>${text}</arg_value>\n`).join('')}</tool_call>`,
  },
  { name: 'Llama', write: ({ name, args }) => `<|python_tag|>${JSON.stringify({ name, parameters: args })}` },
  { name: 'Mistral', write: ({ name, args }) => `[TOOL_CALLS][${json(name, args)}]` },
  {
    name: 'DeepSeek',
    write: ({ name, args }) =>
      `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>${name}\n\`\`\`json\n${JSON.stringify(args)}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
  },
  {
    name: 'Kimi',
    write: ({ name, args }) =>
      `<|tool_calls_section_begin|><|tool_call_begin|>functions.${name}:0<|tool_call_argument_begin|>${JSON.stringify(args)}<|tool_call_end|><|tool_calls_section_end|>`,
  },
  { name: 'bare JSON', write: ({ name, args }) => JSON.stringify({ name, parameters: args }, null, 2) },
  {
    name: 'tool_calls',
    write: ({ name, args }) =>
      JSON.stringify({
        tool_calls: [{ id: 'call_1', type: 'function', function: { name, arguments: JSON.stringify(args) } }],
      }),
  },
  {
    name: 'escaped marks',
    write: ({ name, args }) =>
      `<tool_call>\n${json(name, args)}\n</tool_call>`
        .replaceAll('&', '&amp;')
        .replaceAll('<', '&lt;')
        .replaceAll('>', '&gt;'),
  },
]

/** What models get wrong. */
const mistakes: readonly CallSpelling[] = [
  {
    name: 'the name as an attribute',
    write: ({ name, args }) => `<toolcall name="${name}">${JSON.stringify(args)}</toolcall>`,
  },
  {
    name: 'a code fence',
    write: ({ name, args }) => `\`\`\`json\n${JSON.stringify({ tool: name, args }, null, 2)}\n\`\`\``,
  },
  {
    name: 'words before, and a made-up result after',
    prose: 'I will now do that.',
    write: ({ name, args }, mark) =>
      `I will now do that.\n\n${own(mark, json(name, args))}\n\n<tool_result>\nDone.\n</tool_result>\nAll is well.`,
  },
  {
    name: 'raw line breaks and tabs, and a comma too much',
    write: ({ name, args }, mark) =>
      own(
        mark,
        json(name, args)
          .replaceAll(/(?<!\\)\\n/g, '\n')
          .replaceAll(/(?<!\\)\\t/g, '\t')
          .replace(/\}$/, ',}'),
      ),
  },
  {
    name: "Python's spelling",
    write: ({ name, args }) => `<tool_call>\n{'name': '${name}', 'arguments': ${python(args)}}\n</tool_call>`,
  },
  {
    name: 'arguments encoded twice',
    write: ({ name, args }, mark) => own(mark, JSON.stringify({ name, arguments: JSON.stringify(args) })),
  },
  { name: 'arguments beside the name', write: ({ name, args }, mark) => own(mark, JSON.stringify({ name, ...args })) },
  {
    name: 'another spelling of the name',
    write: ({ name, args }, mark) => own(mark, json(`functions.${name.toUpperCase()}`, args)),
  },
  {
    name: 'wrong types',
    write: ({ name, args }, mark) => {
      const loose = Object.entries(args).map(([key, argument]) => [
        key,
        Array.isArray(argument) ? argument[0] : value(argument),
      ])
      return own(mark, json(name, Object.fromEntries(loose)))
    },
  },
  {
    name: 'no end',
    write: ({ name, args }, mark) => `<${mark}>\n${json(name, args).slice(0, -1)}`,
  },
]

export const callSpellings: readonly CallSpelling[] = [...formats, ...mistakes]
