import { texts } from '../../i18n/index.ts'
import { Field } from '../../kit/field.tsx'

interface JsonArgumentsProps {
  readonly text: string
  readonly problem: string | undefined
  readonly onInput: (text: string) => void
}

/** The arguments as JSON: what no form can hold. */
export function JsonArguments({ text, problem, onInput }: JsonArgumentsProps) {
  const words = texts.value.tools
  return (
    <Field label={words.arguments} hint={words.argumentsHint} error={problem}>
      {(attributes) => (
        <textarea
          {...attributes}
          class="json"
          rows={8}
          spellcheck={false}
          value={text}
          onInput={({ currentTarget }) => onInput(currentTarget.value)}
        />
      )}
    </Field>
  )
}
