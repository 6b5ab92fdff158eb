import type { Texts } from '../en.ts'

export const tools: Texts['tools'] = {}
