{{/* Jobs before install and upgrade, and the test's pod: flowsensor's own commands, without the right to capture. */}}

{{/* (dict "context" $ "purpose" "schema"|"topics"|"test" "command" [] "account" NAME). */}}
{{- define "flowsensor.toolPod" -}}
{{- $values := .context.Values -}}
restartPolicy: Never
enableServiceLinks: false
automountServiceAccountToken: false
serviceAccountName: {{ .account }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
containers:
  - name: flowsensor
    image: {{ include "flowsensor.image" .context }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: {{ concat .command (list "-c" "/etc/flowsensor/flowsensor.conf") | toJson }}
    env:
      {{- include "flowsensor.environment" .context | nindent 6 }}
    resources:
      {{- toYaml $values.hooks.resources | nindent 6 }}
    securityContext:
      {{- include "flowsensor.toolSecurityContext" .context | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/flowsensor
        readOnly: true
      {{- with $values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  -
    {{- include "flowsensor.configVolume" (merge (dict "configMap" (printf "%s-%s" (include "flowsensor.fullname" .context) .purpose)) .) | nindent 4 }}
  {{- with $values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.hooks.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.hooks.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* (dict "context" $ "purpose" ... "name" SUFFIX "command" [] "weight" TEXT). */}}
{{- define "flowsensor.hookJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  {{- $hook := include "flowsensor.hookAnnotations" (dict "weight" .weight) | fromJson }}
  {{- include "flowsensor.metadata" (dict "context" .context "component" .name "name" (printf "%s-%s" (include "flowsensor.fullname" .context) .name) "annotations" $hook) | nindent 2 }}
spec:
  backoffLimit: {{ .context.Values.hooks.backoffLimit }}
  activeDeadlineSeconds: {{ .context.Values.hooks.activeDeadlineSeconds }}
  # 69 is a server that doesn't answer: try again. Anything else stays wrong, and the upgrade stops at once.
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes:
          containerName: flowsensor
          operator: NotIn
          values: [0, 69]
  template:
    metadata:
      labels:
        {{- include "flowsensor.labels" (dict "context" .context "component" .name) | nindent 8 }}
    spec:
      {{- include "flowsensor.toolPod" (merge (dict "account" (include "flowsensor.hookServiceAccountName" .context)) .) | nindent 6 }}
{{- end -}}

{{/* The hook's copy of the configuration; the release's own objects don't exist yet: (dict "context" $ "purpose" ...). */}}
{{- define "flowsensor.hookConfig" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- $hook := include "flowsensor.hookAnnotations" (dict "weight" "-20") | fromJson }}
  {{- include "flowsensor.metadata" (dict "context" .context "component" .purpose "name" (printf "%s-%s" (include "flowsensor.fullname" .context) .purpose) "annotations" $hook) | nindent 2 }}
data:
  {{- include "flowsensor.configData" . | nindent 2 }}
{{- end -}}
