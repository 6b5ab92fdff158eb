import { texts } from '../../i18n/index.ts'
import { View } from '../../kit/view.tsx'

export function TryView() {
  return <View title={texts.value.views.try}>{null}</View>
}
