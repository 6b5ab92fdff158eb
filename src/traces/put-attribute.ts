import type { Attributes, AttributeValue } from '@opentelemetry/api'

/** Sets an attribute, unless its value is not known. */
export function putAttribute(attributes: Attributes, name: string, value: AttributeValue | undefined): void {
  if (value !== undefined) attributes[name] = value
}
