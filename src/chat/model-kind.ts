import type { Model, ModelKind } from './model.ts'

/**
 * Returns the kind that a model's upstream states. If it states none, the model's name decides, or the kind is
 * `chat`.
 */
export function kindOf({ id, kind }: Model): ModelKind {
  return kind ?? byName.find(([, word]) => word.test(id))?.[0] ?? 'chat'
}

/** Matches one of the names as a whole word of a model's id. Digits may follow it. */
function word(...names: readonly string[]): RegExp {
  return new RegExp(`(?:^|[^a-z0-9])(?:${names.join('|')})(?:$|[^a-z])`, 'i')
}

/**
 * Names from the model lists of OpenAI, Gemini, Groq, Together, NVIDIA, SambaNova, xAI and Ollama, for lists that do not
 * say what a model is for. The first match wins.
 */
const byName: readonly (readonly [ModelKind, RegExp])[] = [
  ['rerank', /re-?rank/i],
  ['embedding', /embed|minilm/i],
  [
    'embedding',
    word(
      'bge',
      'gte',
      'e5',
      'ada-002',
      'text-similarity',
      'text-search',
      'colbert',
      'bert',
      'mpnet',
      'voyage',
      '(?:nv)?clip',
    ),
  ],
  ['moderation', /moderation|guardian|safeguard/i],
  [
    'moderation',
    word(
      '(?:llama|prompt|shield|wild|qwen\\d*)?-?guard',
      'nemoguard',
      'shieldgemma',
      'topic-control',
      'content-safety',
    ),
  ],
  ['video', word('sora', 'veo', 'kling', 'hailuo', 'wan\\d*', 'seedance', 'imagine-video')],
  ['video', /(?:^|[^a-z0-9])video$|cogvideo/i],
  ['image', /dall-?e|stable-?diffusion|image/i],
  ['image', word('sdxl', 'flux', 'imagen', 'imagine', 'ideogram', 'recraft', 'seedream', 'playground-v\\d+')],
  ['audio', /whisper|transcri|realtime|audio/i],
  [
    'audio',
    word(
      'x?tts',
      'musicgen',
      'suno',
      'elevenlabs',
      'asr',
      'stt',
      'speech',
      'sonic',
      'orpheus',
      'kokoro',
      'parakeet',
      'canary',
      'lyria',
      'live',
    ),
  ],
  ['completion', word('davinci', 'babbage', 'curie', 'gpt-3\\.5-turbo-instruct')],
  // OpenAI serves these at other routes than chat completions
  ['completion', word('computer-use', 'codex-mini-latest', 'o\\d(?:-mini)?-deep-research', 'o\\d-pro')],
  ['completion', word('aqa', 'ocr')],
]
