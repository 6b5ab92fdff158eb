import type { Model } from '../../chat/model.ts'
import type { ChatRequest } from '../../chat/request.ts'
import { dialect } from '../../dialects/openai-chat/dialect.ts'
import type { Prefix } from '../provider.ts'

/** Fields of a body by which vLLM continues the last message. */
const continues: Prefix = {
  body: { [dialect]: { continue_final_message: true, add_generation_prompt: false } },
  isRepeated: false,
}

/** The servers that continue a last message of the assistant, by what they say of the owner of their models. */
const byOwner: ReadonlyMap<string, Prefix> = new Map([
  // docs.vllm.ai, OpenAI-Compatible Server, Extra parameters for Chat API
  ['vllm', continues],
  // ggml-org/llama.cpp#13174 (a last message of the assistant is a prefix by default), #23012 (the same fields as vLLM)
  ['llamacpp', continues],
])

/** DeepSeek's own address. Another one may be a relay without its beta. */
const deepseek = 'https://api.deepseek.com'
/** api-docs.deepseek.com/guides/chat_prefix_completion: only below `/beta`; the answer has only what follows the prefix */
const deepseekPrefix: Prefix = { message: { [dialect]: { prefix: true } }, isRepeated: false }

/** How the models at an address are given the beginning of an answer. Models that think first are not known to go on exactly. */
export function prefixAt(url: string): (model: Model) => Prefix | undefined {
  if (url.startsWith(`${deepseek}/`)) return ({ id }) => (id === 'deepseek-chat' ? deepseekPrefix : undefined)
  return ({ ownedBy }) => (ownedBy === undefined ? undefined : byOwner.get(ownedBy))
}

/** The address of DeepSeek's beta, if a request for `url` needs it. */
export function betaUrlFor(url: string, request: ChatRequest): string | undefined {
  if (!url.startsWith(`${deepseek}/`) || request.native) return undefined
  return request.messages.at(-1)?.extra?.[dialect]?.prefix === true ? `${deepseek}/beta/chat/completions` : undefined
}
