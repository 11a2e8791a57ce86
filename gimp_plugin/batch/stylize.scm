; Stylize a picture file from the command line, with GIMP's Script-Fu:
;
; gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(begin (load "stylize.scm") (stylize-file "photo.jpg" "painting.jpg" "result.png" 512 "normal"))'
;
; The exit code is 0, or 70 after a line that says what went wrong.

(script-fu-use-v3)

(define (stylize-file content style output size quality)
  (let* ((image (gimp-file-load RUN-NONINTERACTIVE content))
         (layer (gimp-image-merge-visible-layers image CLIP-TO-IMAGE)))
    (plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer)
                          #:style-file style #:size size #:quality quality)
    (gimp-file-save RUN-NONINTERACTIVE image output -1)
    (gimp-image-delete image)))
