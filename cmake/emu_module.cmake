# SPDX-License-Identifier: MIT
# emu_module(DEPENDS a b ...)  declares the folder it stands in as a module of libemu.a.
#
# The module's name is its path below libs/ ("ir", "isa/a64"), or "common". All *.cpp beside the CMakeLists.txt belong
# to it. DEPENDS names the modules whose headers it may include; tests/style/layers reads the same line and checks every
# #include against it, so a wrong arrow fails the tests even where the compiler would let it pass.
#
# LINK names libraries that the module needs and that exist as archives too: programs without shared libraries use the module.
# LINK_SHARED names those that the distribution has (or that make sense) as shared libraries only; of them, a program loads
# what it uses (--as-needed).
include_guard(GLOBAL)

define_property(GLOBAL PROPERTY EMU_MODULES BRIEF_DOCS "object libraries of libemu.a" FULL_DOCS "in order of declaration")

function(emu_module_target out name)
    string(REPLACE "/" "_" flat "${name}")
    set(${out} "emu_${flat}" PARENT_SCOPE)
endfunction()

function(emu_module)
    cmake_parse_arguments(M "" "" "DEPENDS;LINK;LINK_SHARED" ${ARGN})
    file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
    string(REGEX REPLACE "^libs/" "" name "${name}")
    emu_module_target(target "${name}")
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
    if(NOT sources)
        add_library(${target} INTERFACE)
        return()
    endif()
    add_library(${target} OBJECT ${sources})
    target_link_libraries(${target} PRIVATE emu_flags)
    foreach(library IN LISTS M_LINK)
        target_link_libraries(emu_external INTERFACE ${library})
    endforeach()
    foreach(library IN LISTS M_LINK_SHARED)
        target_link_libraries(emu_shared INTERFACE ${library})
    endforeach()
    target_link_libraries(${target} PRIVATE ${M_LINK} ${M_LINK_SHARED})
    set_property(GLOBAL APPEND PROPERTY EMU_MODULES ${target})
endfunction()

# The one static library, from the objects of every module declared so far.
function(emu_library)
    get_property(modules GLOBAL PROPERTY EMU_MODULES)
    add_library(emu STATIC)
    foreach(module IN LISTS modules)
        target_sources(emu PRIVATE $<TARGET_OBJECTS:${module}>)
    endforeach()
    target_link_libraries(emu PUBLIC emu_flags emu_external emu_shared)
endfunction()
