import { startDemo } from './demo.ts'
import { startOpenaiCompatible } from './openai-compatible.ts'
import type { Subject } from './subject.ts'

/** Every provider the laws are held against: a new one gets all of them by its line here. */
export const subjects: readonly Subject[] = [
  { name: 'openai-compatible', start: startOpenaiCompatible },
  { name: 'demo', start: startDemo },
]
