import type { BaseUrl } from '../../wire/base-url.ts'
import type { Variables } from '../provider.ts'
import type { ApiOptions, OpenaiApi } from './api-choice.ts'
import { isAzure } from './azure.ts'

/** Models of OpenAI that Chat Completions has not. openai-node, `ResponsesModel`; OpenAI, Models */
const knownResponsesModels = [
  'o1-pro*',
  'o3-pro*',
  'o3-deep-research*',
  'o4-mini-deep-research*',
  'computer-use-preview*',
  'codex-mini*',
  'gpt-5*-codex*',
  'gpt-5*-pro*',
]

const onlyChat: ApiOptions = { apis: ['chat'], responsesModels: [] }
const both: ApiOptions = { apis: ['chat', 'responses'], responsesModels: knownResponsesModels }

/** The APIs of an upstream; `messages` for one that has Anthropic's. */
type ConfiguredApi = ApiOptions | 'messages'

interface ApiSettings {
  /** The variable with the APIs. */
  readonly variable: string
  readonly base: BaseUrl
  /** The models that have only the Responses API, if the operator names them. */
  readonly responsesModels?: readonly string[] | undefined
}

/** Reads which APIs an upstream has. */
export function configureApi(variables: Variables, { variable, base, responsesModels }: ApiSettings): ConfiguredApi {
  const named = variables.list(variable)?.map((api) => api.toLowerCase())
  if (named?.join() === 'messages') return 'messages'
  const own: ApiOptions = hasBoth(base) ? both : onlyChat
  const [first, ...others] = named?.filter(isApi) ?? own.apis
  if (first === undefined || named?.every(isApi) === false) {
    variables.report({
      variable,
      problem: 'names an API that is not known',
      remedy: 'set it to chat, responses, chat,responses or messages',
    })
    return onlyChat
  }
  return { apis: [first, ...others], responsesModels: responsesModels ?? own.responsesModels }
}

/** An example of an address with this API. Addresses of the Messages API have no version. */
export function exampleOf(variables: Variables, variable: string, usual: string): string {
  return variables.text(variable)?.toLowerCase() === 'messages' ? 'https://host/anthropic' : usual
}

function isApi(name: string): name is OpenaiApi {
  return name === 'chat' || name === 'responses'
}

/** Whether an address is known to have both: OpenAI's own, and Azure's newer one. Azure, API version lifecycle */
function hasBoth({ url }: BaseUrl): boolean {
  const { hostname, pathname } = new URL(url)
  return hostname === 'api.openai.com' || (isAzure({ url, query: '' }) && pathname.endsWith('/openai/v1'))
}
