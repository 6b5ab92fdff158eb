/** The parameters of a request that can be switched on, in the order in which they are shown. */
export const optionKinds = {
  temperature: { kind: 'number', min: 0, max: 2, step: 0.1, usual: '0.7' },
  top_p: { kind: 'number', min: 0, max: 1, step: 0.05, usual: '0.9' },
  max_tokens: { kind: 'whole', min: 1, max: 10_000_000, step: 1, usual: '1024' },
  seed: { kind: 'whole', min: -(2 ** 53 - 1), max: 2 ** 53 - 1, step: 1, usual: '7' },
  stop: { kind: 'lines', usual: '' },
  reasoning_effort: { kind: 'choice', choices: ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'], usual: 'medium' },
  frequency_penalty: { kind: 'number', min: -2, max: 2, step: 0.1, usual: '0.5' },
  presence_penalty: { kind: 'number', min: -2, max: 2, step: 0.1, usual: '0.5' },
  response_format: { kind: 'json', usual: '{"type": "json_object"}' },
  tools: {
    kind: 'json',
    usual:
      '[{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]',
  },
} as const

export type OptionName = keyof typeof optionKinds

/** A parameter: whether it is sent, and what is typed. */
export interface Option {
  readonly isOn: boolean
  readonly text: string
}

export type Options = Readonly<Record<OptionName, Option>>

export const optionNames: readonly OptionName[] = [
  ...(['temperature', 'top_p', 'max_tokens', 'seed', 'stop', 'reasoning_effort'] as const),
  ...(['frequency_penalty', 'presence_penalty', 'response_format', 'tools'] as const),
]

/** All of them are off. */
export const usualOptions: Options = {
  temperature: off('temperature'),
  top_p: off('top_p'),
  max_tokens: off('max_tokens'),
  seed: off('seed'),
  stop: off('stop'),
  reasoning_effort: off('reasoning_effort'),
  frequency_penalty: off('frequency_penalty'),
  presence_penalty: off('presence_penalty'),
  response_format: off('response_format'),
  tools: off('tools'),
}

function off(name: OptionName): Option {
  return { isOn: false, text: optionKinds[name].usual }
}

/** What a parameter has as its value, or why it has none. */
export type OptionValue =
  | { readonly value: unknown }
  | { readonly problem: 'number' | 'empty' | 'json'; readonly min?: number; readonly max?: number }

export function readOption(name: OptionName, text: string): OptionValue {
  const kind = optionKinds[name]
  switch (kind.kind) {
    case 'choice':
      return { value: text }
    case 'lines': {
      const lines = text.split('\n').filter((line) => line !== '')
      return lines.length > 0 ? { value: lines } : { problem: 'empty' }
    }
    case 'json':
      return jsonIn(text)
    case 'number':
    case 'whole': {
      const number = Number(text)
      const isRight = text.trim() !== '' && number >= kind.min && number <= kind.max
      const isWhole = kind.kind === 'number' || Number.isSafeInteger(number)
      return isRight && isWhole ? { value: number } : { problem: 'number', min: kind.min, max: kind.max }
    }
  }
}

function jsonIn(text: string): OptionValue {
  try {
    const value: unknown = JSON.parse(text)
    return { value }
  } catch {
    return { problem: 'json' }
  }
}

/** The members of the request: those that are on. Returns undefined if one of them is wrong. */
export function membersOf(options: Options): Readonly<Record<string, unknown>> | undefined {
  const members: Record<string, unknown> = {}
  for (const name of optionNames) {
    const { isOn, text } = options[name]
    if (!isOn) continue
    const found = readOption(name, text)
    if (!('value' in found)) return undefined
    members[name] = found.value
  }
  return members
}
