; Stylize picture files from the command line, with GIMP's Script-Fu. One file:
;
; gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(begin (load "stylize.scm") (stylize-file "photo.jpg" "painting.jpg" "result.png" #:size 1024))'
;
; All files of a folder, or those that fit a pattern such as "photos/*.jpg", into another folder:
;
; gimp-console -idf --quit --batch-interpreter=plug-in-script-fu-eval \
;     -b '(begin (load "stylize.scm") (stylize-folder "photos" "painting.jpg" "painted" #:size 1024))'
;
; In place of a file, "" and #:painting "great-wave" take the style of a painting that came with the plug-in.
;
; Every option goes by its name. Nothing that exists is replaced, unless FORCE in front of the options asks for it.
; Each file that is written is a line on stdout. The exit code is 0, or 70 after a line on stderr that says what went
; wrong.

(script-fu-use-v3)

(define FORCE "force")

; Formats whose layers make one picture. In others they are the frames of an animation, or pages.
(define LAYERED
  '(".xcf" ".gz" ".xcfgz" ".bz2" ".xcfbz2" ".xz" ".xcfxz" ".psd" ".psb" ".ora" ".kra" ".psp" ".pspimage" ".tub"))

; Formats whose layers are one picture in several sizes.
(define ICONS '(".ico" ".cur" ".ani" ".icns"))

; Names of what lies in folders beside photos and is none.
(define BESIDE
  '(".txt" ".md" ".csv" ".json" ".xml" ".html" ".xmp" ".aae" ".pp3" ".db" ".ini" ".lnk" ".url"
    ".zip" ".mov" ".mp4" ".avi" ".wav"))

; Names of JPEG files that GIMP does not know when it saves.
(define AS-JPEG '(".jfif" ".jif" ".jfi"))

; Paint the picture file "content" in the style of another and save it; the suffix of "output" is its format.
(define (stylize-file content style output . options)
  (let ((problem (paint content style output options)))
    (if problem
        (begin
          (say problem)
          (throw (shown (string-append content " was not painted.")))))))

; Paint all picture files of a folder, or that fit a pattern, under the same names in another folder.
; One that fails does not keep the others from being painted.
(define (stylize-folder contents style folder . options)
  (let ((paths (found contents))
        (failed 0))
    (if (null? paths) (throw (shown (string-append "No file fits " contents "."))))
    (if (not (is-folder folder)) (dir-make folder))
    (for-each
      (lambda (path)
        (let ((problem (paint path style (string-append folder DIR-SEPARATOR (file-name path)) options)))
          (if problem
              (begin
                (say problem)
                (set! failed (+ failed 1))))))
      paths)
    (if (> failed 0)
        (throw (string-append (number->string failed) " of " (number->string (length paths)) " pictures failed.")))))

; Paint a file. The answer is #f when all is well, or else a sentence that says what is wrong.
(define (paint content style output options)
  (cond ((not (is-file content)) (string-append "There is no file " content "."))
        ((is-folder output) (string-append output " is a folder: give the name of a file."))
        ((is-taken output options) (taken output))
        (else
          (catch (string-append content " cannot be opened as a picture.")
            (let* ((image (gimp-file-load RUN-NONINTERACTIVE content))
                   (problem (catch (string-append "GIMP says above why " content " cannot be painted.")
                              (paint-image image content style output options))))
              (gimp-image-delete image)
              problem)))))

(define (paint-image image content style output options)
  (let ((layer (prepared image content))
        (part (free-name output)))
    (if (not (can-save image part))  ; better known before the work
        (string-append output " cannot be saved.")
        (begin
          (file-delete part)
          (apply plug-in-neural-style
                 (append (list #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector layer))
                         (if (string=? style "") '() (list #:style-file style))
                         (if (is-forced options) (cdr options) options)))
          (gimp-image-remove-layer image layer)
          (keep image output options)))))

; Make the image one layer, upright, of one frame, whole and in color, and tell on stderr what that took.
(define (prepared image path)
  (gimp-image-policy-rotate image FALSE)
  (gimp-selection-none image)  ; GIMP's own files bring theirs along
  (if (not (member (suffix path) LAYERED)) (keep-first image path))
  (if (not (= (gimp-image-get-base-type image) RGB))
      (begin
        (say (string-append path " is gray or has a palette: it is painted in colors all the same."))
        (gimp-image-convert-rgb image)))
  (gimp-image-merge-visible-layers image CLIP-TO-IMAGE))

; Leave of frames or pages the first, which is the lowest layer, and all of it; of an icon's sizes the largest.
(define (keep-first image path)
  (let* ((layers (reverse (vector->list (gimp-image-get-layers image))))
         (count (length layers))
         (is-icon (member (suffix path) ICONS))
         (kept (if is-icon (largest layers) (car layers))))
    (if (and (> count 1) (not is-icon))
        (say (string-append path " has " (number->string count)
                                     " frames or pages: the first one is painted.")))
    (for-each (lambda (layer) (if (not (= layer kept)) (gimp-image-remove-layer image layer))) layers)
    (gimp-image-resize-to-layers image)))  ; a file may say that it is a part of a larger page

(define (largest layers)
  (if (null? (cdr layers))
      (car layers)
      (let ((other (largest (cdr layers))))
        (if (>= (area (car layers)) (area other)) (car layers) other))))

(define (area layer)
  (* (gimp-drawable-get-width layer) (gimp-drawable-get-height layer)))

; Save the painted image, first beside the output, so that it is not lost when something is wrong there.
(define (keep image output options)
  (let ((part (free-name output)))
    (cond ((not (can-save image part))
            (let ((refuge (gimp-temp-file (substring (suffix output) 1 (string-length (suffix output))))))
              (save image refuge)
              (string-append output " cannot be saved. The painted picture is " refuge ".")))
          ((is-taken output options) (string-append (taken output) " The painted picture is " part "."))
          ((not (can-save image output)) (string-append output " cannot be saved. The painted picture is " part "."))
          (else
            (file-delete part)
            (display (shown output))
            (newline)
            #f))))

; Save, and leave nothing half done behind.
(define (can-save image path)
  (let ((is-new (not (file-exists? path))))
    (or (catch #f (save image path) #t)
        (begin
          (if is-new (catch #f (file-delete path)))
          #f))))

(define (save image path)
  (if (member (suffix path) AS-JPEG)
      (file-jpeg-export #:run-mode RUN-NONINTERACTIVE #:image image #:file path #:options -1)
      (gimp-file-save RUN-NONINTERACTIVE image path -1)))

; Never replace what is there, unless that is asked for.
(define (is-taken path options)
  (and (or (file-exists? path) (is-link path))
       (not (is-forced options))))

(define (is-forced options)
  (and (pair? options) (equal? (car options) FORCE)))

(define (taken path)
  (string-append path " is there already: give another name, or FORCE to replace it."))

; A name beside the path, of the same format, that nothing has yet.
(define (free-name path)
  (let loop ((number 1))
    (let ((name (string-append (folder-of path) (number->string number) "-" (end-of (file-name path)))))
      (if (file-exists? name) (loop (+ number 1)) name))))

; The end of a name: it fits into any file system with some more.
(define (end-of name)
  (let ((length (string-length name)))
    (substring name (max 0 (- length 50)) length)))

; The files that are meant. Folders go by their names, whatever signs are in them; case does not count.
(define (found contents)
  (if (is-file contents)
      (list contents)
      (let* ((is-all (is-folder contents))
             (place (if is-all (string-append contents DIR-SEPARATOR) (folder-of contents)))
             (pattern (if is-all "*" (file-name contents)))
             (names (names-in (if (string=? place "") "." place))))
        (map (lambda (name) (string-append place name))
             (filter (lambda (name) (and (fits name pattern)
                                         (is-file (string-append place name))
                                         (not (and is-all (is-beside (string-append place name))))))
                     names)))))

; Whether a file of a whole folder is no picture by its name, which is told.
(define (is-beside path)
  (and (member (suffix path) BESIDE)
       (begin
         (say (string-append path " is left out: no picture is so called."))
         #t)))

; Whether the name of a file is meant; those that begin with a dot, as systems' own notes do, are not.
(define (fits name pattern)
  (and (not (char=? (string-ref name 0) #\.))
       (fits-signs (string->list (string-downcase name)) (string->list (string-downcase pattern)))))

(define (fits-signs signs pattern)
  (cond ((null? pattern) (null? signs))
        ((char=? (car pattern) #\*)
          (or (fits-signs signs (cdr pattern))
              (and (pair? signs) (fits-signs (cdr signs) pattern))))
        ((null? signs) #f)
        ((or (char=? (car pattern) #\?) (char=? (car pattern) (car signs)))
          (fits-signs (cdr signs) (cdr pattern)))
        (else #f)))

(define (names-in folder)
  (let ((stream (catch #f (dir-open-stream folder))))
    (if (not stream)
        '()
        (let loop ((names '()) (name (dir-read-entry stream)))
          (cond ((eof-object? name)
                  (dir-close-stream stream)
                  names)
                ((string=? name "")  ; what becomes of bytes that are no letters
                  (say (string-append "A file in " folder " is left out: its name is not in UTF-8."))
                  (loop names (dir-read-entry stream)))
                (else (loop (cons name names) (dir-read-entry stream))))))))

(define (filter is-wanted items)
  (cond ((null? items) '())
        ((is-wanted (car items)) (cons (car items) (filter is-wanted (cdr items))))
        (else (filter is-wanted (cdr items)))))

(define (is-file path)
  (or (= (file-type path) 1)
      (and (is-link path) (file-exists? path) (not (is-folder path)))))

(define (is-folder path)
  (or (= (file-type path) 2)
      (and (is-link path) (= (file-type (string-append path DIR-SEPARATOR ".")) 2))))

(define (is-link path) (= (file-type path) 3))

(define (folder-of path)
  (substring path 0 (- (string-length path) (string-length (file-name path)))))

; The last part of a path.
(define (file-name path)
  (car (reverse (strbreakup path DIR-SEPARATOR))))

; The end of a path that says the format, such as ".jpg"; nothing where there is none.
(define (suffix path)
  (let ((parts (strbreakup (file-name path) ".")))
    (if (null? (cdr parts)) "" (string-downcase (string-append "." (car (reverse parts)))))))

(define (say line) (gimp-message (shown line)))

; The text as one line that no terminal obeys.
(define (shown text)
  (list->string (map (lambda (sign) (if (is-unseen (char->integer sign)) #\? sign)) (string->list text))))

; Whether a sign does not print, or turns around how the rest of a line reads.
(define (is-unseen code)
  (or (< code #x20)
      (<= #x7f code #x9f)
      (member code '(#x61c #x200e #x200f #xfeff))
      (<= #x2028 code #x202e)
      (<= #x2066 code #x2069)))
