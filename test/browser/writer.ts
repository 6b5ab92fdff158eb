import {
  type EmulatedChat,
  emulateOpenai,
  frame,
  type OpenaiEmulator,
} from '../../src/providers/openai-compatible/emulator/index.ts'
import type { Script } from '../../src/wire/emulator/script.ts'
import { sseData } from '../../src/wire/sse.ts'

/** What an upstream writes: Markdown with headings, lists, tables and code, with as many words as asked. */
export interface Writing {
  readonly words: number
  /** Milliseconds between two chunks. */
  readonly paceMs: number
  /** Tokens in a chunk; a token is a word with its space here. */
  readonly tokensAtOnce: number
}

const paragraph =
  'The gateway asks one upstream after another until one of them begins to answer and then it stays with that one because nobody can take back words that were read.'.split(
    ' ',
  )

/** Words of an answer, with the marks of Markdown as a part of them. */
function* wordsOf(count: number): Generator<string> {
  for (let at = 0; at < count; at++) {
    const word = paragraph[at % paragraph.length] ?? ''
    const place = at % 180
    if (place === 0) yield `\n\n## Part ${at / 180 + 1}\n\n${word} `
    else if (place === 60) yield `\n\n- **${word}** `
    else if (place > 60 && place < 90 && place % 6 === 0) yield `\n- ${word} `
    else if (place === 90) yield `\n\n\`\`\`ts\nconst ${word} = `
    else if (place === 110) yield `${word}\n\`\`\`\n\n`
    else if (place === 120) yield `\n\n| ${word} | b |\n|---|---|\n| `
    else if (place === 130) yield `${word} | c |\n\n`
    else yield `${word} `
  }
}

const chunk = (model: string, delta: object, finish: string | null = null) =>
  frame({
    id: 'chatcmpl-writer',
    object: 'chat.completion.chunk',
    created: 1,
    model,
    choices: [{ index: 0, delta, finish_reason: finish }],
  })

function* chunksOf(model: string, { words, tokensAtOnce }: Writing): Generator<string> {
  let text = ''
  let held = 0
  for (const word of wordsOf(words)) {
    text += word
    if (++held < tokensAtOnce) continue
    yield chunk(model, { content: text })
    text = ''
    held = 0
  }
  yield chunk(model, { content: `${text}\n\nThat was all.` })
  yield chunk(model, {}, 'stop')
  const usage = { prompt_tokens: 20, completion_tokens: words, total_tokens: words + 20 }
  yield frame({ id: 'chatcmpl-writer', object: 'chat.completion.chunk', created: 1, model, choices: [], usage })
  yield sseData('[DONE]')
}

/** An answer with this text, a word at a time. */
export function answerOf(model: string, text: string, paceMs: number): Script {
  const words = text.match(/\S+\s*/g) ?? []
  const usage = { prompt_tokens: 24, completion_tokens: words.length, total_tokens: words.length + 24 }
  const last = { id: 'chatcmpl-writer', object: 'chat.completion.chunk', created: 1, model, choices: [], usage }
  const chunks = words.map((content) => chunk(model, { content }))
  return { body: [...chunks, chunk(model, {}, 'stop'), frame(last), sseData('[DONE]')], paceMs }
}

/** An upstream with a model for each kind of writing, and one that breaks off in the middle. */
export interface Writer extends AsyncDisposable {
  readonly emulator: OpenaiEmulator
  readonly variables: Readonly<Record<string, string>>
}

/** @param kinds what each model writes, by its name */
export async function startWriter(kinds: Readonly<Record<string, Writing>>): Promise<Writer> {
  const scriptOf = ({ model, stream }: EmulatedChat): Script | undefined => {
    if (!stream) return undefined
    if (model === 'breaks-off')
      return { body: [chunk(model, { content: 'Half of an ' })], ending: 'rst', endDelayMs: 50 }
    const kind = kinds[model]
    return kind && { body: chunksOf(model, kind), paceMs: kind.paceMs }
  }
  const emulator = await emulateOpenai({ models: [...Object.keys(kinds), 'breaks-off', 'calls'], reply: scriptOf })
  return {
    emulator,
    variables: { UPSTREAM_LAB_URL: emulator.url, UPSTREAM_LAB_KEY: 'sk-lab-0123456789abcdef' },
    [Symbol.asyncDispose]: () => emulator.close(),
  }
}
