import { startAnthropic } from './anthropic.ts'
import { startCohere } from './cohere.ts'
import { startCto } from './cto.ts'
import { startDemo } from './demo.ts'
import { startLangfast } from './langfast.ts'
import { startAi21, startMistral } from './mistral-ai21.ts'
import { startOpenaiCompatible } from './openai-compatible.ts'
import { startOpenaiResponses } from './openai-responses.ts'
import { startSmithery } from './smithery.ts'
import type { Subject } from './subject.ts'

/** Every provider that the laws are tested with. A new provider needs only one line here. */
export const subjects: readonly Subject[] = [
  { name: 'openai-compatible', start: startOpenaiCompatible },
  { name: 'openai-responses', start: startOpenaiResponses },
  { name: 'anthropic', start: startAnthropic },
  { name: 'ai21', start: startAi21 },
  { name: 'mistral', start: startMistral },
  { name: 'cohere', start: startCohere },
  { name: 'smithery', start: startSmithery },
  { name: 'langfast', start: startLangfast },
  { name: 'cto', start: startCto },
  { name: 'demo', start: startDemo },
]
