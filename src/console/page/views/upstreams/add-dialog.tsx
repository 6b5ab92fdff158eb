import { useSignal } from '@preact/signals'
import { texts } from '../../i18n/index.ts'
import { Dialog } from '../../kit/dialog.tsx'
import { Field } from '../../kit/field.tsx'
import { AddCompatible } from './add-compatible.tsx'
import { AddCredential } from './add-credential.tsx'
import type { Available } from './types.ts'

interface AddDialogProps {
  readonly available: readonly Available[]
  /** The variable that is chosen at first. */
  readonly chosen: string | null
  readonly onAdded: () => void
  readonly onClose: () => void
}

const kinds = ['key', 'session', 'url'] as const
const compatible = 'compatible'

/** Adds an upstream: a known service, or any OpenAI-compatible server. */
export function AddDialog({ available, chosen, onAdded, onClose }: AddDialogProps) {
  const { addDialog } = texts.value.upstreams
  const services = available.filter((entry) => entry.upstream !== null)
  const first = services.find(({ variable }) => variable === chosen) ?? services[0]
  const choice = useSignal(chosen === compatible ? compatible : (first?.variable ?? compatible))
  const round = useSignal(0)
  const service = services.find(({ variable }) => variable === choice.value)
  const parts = { onAdded, onClose, onAnother: () => void round.value++ }
  return (
    <Dialog title={addDialog.title} onClose={onClose}>
      <Field label={addDialog.service}>
        {(attributes) => (
          <select
            {...attributes}
            value={choice.value}
            onChange={({ currentTarget }) => void (choice.value = currentTarget.value)}
          >
            {kinds.map((kind) => (
              <Group
                key={kind}
                title={addDialog.groups[kind]}
                services={services.filter((entry) => entry.kind === kind)}
              />
            ))}
            <option value={compatible}>{addDialog.compatible}</option>
          </select>
        )}
      </Field>
      {service ? (
        <AddCredential
          key={`${service.variable} ${round.value}`}
          service={service}
          variable={service.variable}
          {...parts}
        />
      ) : (
        <AddCompatible key={round.value} {...parts} />
      )}
    </Dialog>
  )
}

function Group({ title, services }: { readonly title: string; readonly services: readonly Available[] }) {
  if (services.length === 0) return null
  return (
    <optgroup label={title}>
      {services.map(({ variable, upstream }) => (
        <option key={variable} value={variable}>
          {upstream}
        </option>
      ))}
    </optgroup>
  )
}
