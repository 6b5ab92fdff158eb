import type { Treatment } from '../../chat/call.ts'
import type { Layer } from '../../chat/chat.ts'
import { ChatError } from '../../chat/error.ts'
import type { Support } from '../../chat/model.ts'
import type { ChatRequest, Parameter, Parameters } from '../../chat/request.ts'

/** Without these an answer would not be what was asked for: they are refused, not dropped. */
const essential: readonly Parameter[] = ['tools', 'responseFormat']

/** Hands an upstream only what it takes, and writes the receipt: what became of each parameter the client sent. */
export function support(upstream: string, taken: Support): Layer {
  return (next) => (request, call) => {
    const dropped = new Set<string>()
    for (const parameter of sent(request.parameters)) {
      const treatment: Treatment = taken.parameters[parameter] ?? 'dropped'
      if (treatment === 'dropped' && isAsked(request, parameter)) throw unsupported(request, parameter, upstream)
      if (treatment === 'dropped') dropped.add(parameter)
      call.receipt.parameters.set(request.spelling[parameter] ?? parameter, treatment)
    }
    const keepsExtra = taken.extraOf === request.dialect
    for (const name of Object.keys(request.extra))
      call.receipt.parameters.set(name, keepsExtra ? 'honoured' : 'dropped')
    if (dropped.size === 0) return next(request, call)
    const parameters: Parameters = Object.fromEntries(
      Object.entries(request.parameters).filter(([parameter]) => !dropped.has(parameter)),
    )
    return next({ ...request, parameters }, call)
  }
}

function sent(parameters: Parameters): Parameter[] {
  return Object.keys(parameters).filter((key): key is Parameter => key in parameters)
}

/** An empty list of tools and a format of plain text ask for nothing. */
function isAsked({ parameters }: ChatRequest, parameter: Parameter): boolean {
  if (!essential.includes(parameter)) return false
  return parameter === 'tools' ? parameters.tools?.length !== 0 : parameters.responseFormat?.type !== 'text'
}

function unsupported(request: ChatRequest, parameter: Parameter, upstream: string): ChatError {
  const name = request.spelling[parameter] ?? parameter
  return new ChatError('unsupported', {
    message: `${name}: the upstream "${upstream}" cannot do this. Leave it out, or choose a model of another upstream.`,
    param: name,
  })
}
