import { provider as ai21 } from './ai21/index.ts'
import { provider as anthropic } from './anthropic/index.ts'
import { provider as cohere } from './cohere/index.ts'
import { provider as cto } from './cto/index.ts'
import { provider as langfast } from './langfast/index.ts'
import { provider as mistral } from './mistral/index.ts'
import { provider as openaiCompatible } from './openai-compatible/index.ts'
import type { Provider } from './provider.ts'
import { provider as smithery } from './smithery/index.ts'

/** All providers. A new one is a folder and a line here. */
export const providers: readonly Provider[] = [
  openaiCompatible,
  anthropic,
  cohere,
  ai21,
  mistral,
  smithery,
  cto,
  langfast,
]
