import { provider as openaiCompatible } from './openai-compatible/index.ts'
import type { Provider } from './provider.ts'

/** Every kind of upstream there is. A new one is its folder and its line here. */
export const providers: readonly Provider[] = [openaiCompatible]
